import hashlib
import tomllib
from importlib import resources

import pytest

STATIC = resources.files("webui") / "static"
FILES = tomllib.loads((STATIC / "vendor" / "VENDOR.toml").read_text(encoding="utf-8"))["file"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file["path"]))
def test_a_third_party_file_is_exactly_what_its_authors_published(file: dict[str, str]) -> None:
    assert hashlib.sha256((STATIC / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert (STATIC / file["licence_file"]).read_text(encoding="utf-8").strip()


def test_every_third_party_file_is_recorded() -> None:
    recorded = {file["path"] for file in FILES}
    told = {file.get(key) for file in FILES for key in ("licence_file", "notice_file")}
    for folder in ("vendor", "fonts"):
        present = {f"{folder}/{entry.name}" for entry in (STATIC / folder).iterdir()} - {"vendor/VENDOR.toml"}
        assert present <= recorded | told


def test_the_makers_of_the_charts_are_named_on_the_page_and_in_their_notice() -> None:
    notice = (STATIC / "vendor" / "NOTICE-lightweight-charts.txt").read_text(encoding="utf-8")
    assert "TradingView, Inc." in notice
    base = (resources.files("webui") / "templates" / "base.html").read_text(encoding="utf-8")
    assert 'href="https://www.tradingview.com/"' in base
