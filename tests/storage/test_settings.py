from decimal import Decimal, FloatOperation, localcontext
from pathlib import Path

import msgspec
import pytest

from domain.config import Settings
from domain.errors import ConfigError
from storage.settings import differences, flat, load, load_settings, show


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "baeu.toml"


def test_without_a_file_the_reference_profile_is_in_force() -> None:
    assert load_settings() == Settings()


def test_a_file_changes_what_it_names_and_nothing_else(file: Path) -> None:
    file.write_text('strategies = ["A", "B"]\n[sizes]\nrisk = 0.01\nmax_positions = 3\n[exits]\ntp2_atr = 4\n')
    settings = load_settings(file)

    changed = [(key, after) for key, _, after in differences(Settings(), settings)]
    assert changed == [
        ("exits.tp2_atr", "4"),
        ("sizes.max_positions", "3"),
        ("sizes.risk", "0.01"),
        ("strategies", "A, B"),
    ]
    assert settings.strategies == ("A", "B")


def test_a_number_with_a_point_reaches_a_decimal_without_ever_being_a_float(file: Path) -> None:
    file.write_text('[costs]\nfee = 0.00050000000000000000001\nslip = "0.0004"\n[sizes]\nmin_order = 50_000\n')
    with localcontext() as context:
        context.traps[FloatOperation] = True
        settings = load_settings(file)

    assert str(settings.costs.fee) == "0.00050000000000000000001"
    assert settings.costs.slip == Decimal("0.0004")
    assert settings.sizes.min_order == Decimal(50_000)


@pytest.mark.parametrize(("text", "value"), [("2.5", 2.5), ("3", 3.0)])
def test_an_estimate_is_a_float(file: Path, text: str, value: float) -> None:
    file.write_text(f"[pullback]\ndip_atr = {text}\n")
    found = load_settings(file).pullback.dip_atr

    assert (type(found), found) == (float, value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[size]\nrisk = 0.01", "unknown key size; the closest known one is sizes"),
        ("[sizes]\nmax_position = 3", "unknown key sizes.max_position; the closest known one is sizes.max_positions"),
        ("[sizes]\nxyzzy = 3", "unknown key sizes.xyzzy; the closest known one is sizes."),
        ("sizes = 3", r"sizes must be a table, written \[sizes\], found 3"),
        ("[sizes]\nmax_positions = 2.5", "sizes.max_positions: Expected `int`"),
        ('[sizes]\nmax_positions = "2"', "sizes.max_positions: Expected `int`, got `str`, found 2"),
        ("[sizes]\nmax_positions = true", "sizes.max_positions: Expected `int`, got `bool`"),
        ("[sizes]\nrisk = true", "sizes.risk: expected a decimal"),
        ("[sizes]\nrisk = [1]", "sizes.risk: expected a decimal"),
        ('[sizes]\nrisk = "half"', "sizes.risk: expected a decimal number"),
        ("[sizes]\nrisk = nan", "sizes.risk: expected a finite number"),
        ("[sizes]\nrisk = -inf", "sizes.risk: expected a finite number"),
        ("[pullback]\ndip_atr = inf", "pullback.dip_atr: expected a finite number, found Infinity"),
        ("[pullback]\ndip_atr = true", "pullback.dip_atr: Expected `float`, got `bool`"),
        ('strategies = "A"', "strategies: Expected `array`, got `str`"),
        ("strategies = [1]", "strategies: Expected `str`, got `int`"),
        ("[sizes]\nrisk = 0.5", "setting refused: sizes.risk must lie in"),
        ("[exits]\ndelisting_days = 3", "exits.delisting_days is called listings.terminating_days now: rename it"),
        ("[listings]\nterminating_days = 0", "setting refused: listings: terminating_days must be at least 1"),
        ("[listings]\nwarning_enter = true", "setting refused: listings: warning_enter needs caution_enter"),
        ("[listings]\ncaution_leave = true\nwarning_leave = false", "caution_leave needs warning_leave"),
        ("[listings]\nwarning_stop = 0.4", "stops need 0 < terminating_stop <= warning_stop <= caution_stop <= 1"),
        ("[listings]\nterminating_stop = 0", "stops need 0 < terminating_stop"),
        ("[listings]\ncaution_stop = 1.5", "caution_stop <= 1"),
        ("[listings]\nhalted_retry_s = 400", "halted_retry_s must lie in 1..halted_retry_max_s"),
        ("[listings]\nrefusal_minutes = 5", "refusal_minutes must be longer than halted_retry_max_s"),
        ('[listings]\nend_words = [" "]', "no word may be empty"),
        ("[listings]\nnotice_days = 0", "notice_days must be at least 1"),
        ("[listings]\nnotice_pause_hours = 0", "notice_pause_hours must be at least 1"),
        ("[sizes\nrisk = 0.5", "is not TOML"),
        ("[sizes]\nrisk = 0.1\nrisk = 0.2", "is not TOML"),
    ],
)
def test_what_is_wrong_names_itself_and_its_file(file: Path, text: str, said: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError, match=rf"baeu\.toml: .*{said}"):
        load_settings(file)


def test_bytes_that_are_no_text_are_no_toml(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(file)


def test_a_file_that_is_not_there_is_no_default(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"baeu\.toml: cannot be read: No such file"):
        load_settings(file)


def test_any_tree_of_settings_can_be_loaded_and_a_missing_key_is_named(file: Path) -> None:
    class Alerts(msgspec.Struct, frozen=True):
        url: str
        every_s: int = 60

    class Whole(msgspec.Struct, frozen=True):
        alerts: Alerts

    file.write_text('[alerts]\nurl = "https://example.org"\n')
    assert load(file, Whole) == Whole(Alerts("https://example.org"))
    file.write_text("[alerts]\nevery_s = 5\n")
    with pytest.raises(ConfigError, match=r"missing: alerts\.url"):
        load(file, Whole)


def test_show_tells_each_value_and_where_it_comes_from(file: Path) -> None:
    file.write_text("[sizes]\nrisk = 0.005\n")
    lines = show(load_settings(file), file)
    origins = {line.split()[0]: line.rpartition("  ")[2] for line in lines}

    assert len(lines) == len(list(flat(Settings())))
    assert origins.pop("sizes.risk") == f"from {file}"
    assert set(origins.values()) == {"default"}
    assert [line.split()[1] for line in show(Settings()) if line.startswith("sizes.risk ")] == ["0.005"]


def test_a_list_without_members_is_told_as_none() -> None:
    assert dict(flat(Settings()))["universe.only"] == "none"
