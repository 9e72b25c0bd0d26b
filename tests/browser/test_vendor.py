import hashlib
import tomllib
from pathlib import Path

HERE = Path(__file__).parent / "vendor"


def test_the_accessibility_checker_is_exactly_what_its_authors_published() -> None:
    (file,) = tomllib.loads((HERE / "VENDOR.toml").read_text(encoding="utf-8"))["file"]
    assert hashlib.sha256((HERE / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert (HERE / file["licence_file"]).exists()
