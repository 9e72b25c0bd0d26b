"""When a rule strikes: for whom, how often, from when to when, and the same again with the same seed."""

import pytest

from actors.sandbox.faults import Faults, Mischief
from actors.sandbox.rules import Rule, Subject
from actors.sandbox.scenario import KINDS, keys_of, read_rule, read_scenario
from domain.errors import ConfigError

S = 1_000_000
T0 = 1_800_000_000 * S
ORDER = Subject("order", "POST", "/v1/orders", "KRW-XRP", "bid", "main")
FRAME = Subject("frame", socket="private")


def struck(rule, *subjects, seed=1, at=T0, every=0):
    """Which of the subjects a rule that is armed at T0 hits."""
    mischief = Mischief(Faults(), seed)
    mischief.arm(rule, T0)
    found = [mischief.strike(rule.fault, one, at + n * every) for n, one in enumerate(subjects)]
    return [one is not None for one in found]


def test_a_rule_hits_so_many_after_so_many_others():
    assert struck(Rule("lose_response", after=2, count=1), *[ORDER] * 5) == [False, False, True, False, False]


def test_a_rule_holds_from_its_time_for_its_duration():
    rule = Rule("latency", in_s=2, for_s=3)
    assert struck(rule, *[ORDER] * 7, every=S) == [False, False, True, True, True, False, False]
    assert struck(Rule("latency", at=T0 + 2 * S), *[ORDER] * 3, every=S) == [False, False, True]


@pytest.mark.parametrize(
    "filters",
    [
        {"method": "GET"},
        {"path": "/v1/order"},
        {"market": "KRW-BTC"},
        {"side": "ask"},
        {"account": "other"},
        {"socket": "private"},
    ],
    ids=str,
)
def test_a_filter_spares_every_other_call(filters):
    assert struck(Rule("latency", **filters), ORDER) == [False]


def test_a_filter_that_fits_strikes_and_a_path_may_hold_a_star():
    rule = Rule("latency", method="POST", path="/v1/ord*", market="KRW-XRP", side="bid", account="main")
    assert struck(rule, ORDER) == [True]
    assert struck(Rule("lose_event"), FRAME, FRAME._replace(socket="public")) == [True, False]
    assert struck(Rule("lose_event", socket="public"), FRAME, FRAME._replace(socket="public")) == [False, True]


def test_a_rule_strikes_with_its_chance_the_same_way_for_the_same_seed():
    rule = Rule("lose_response", chance=0.3)
    first, again, other = (struck(rule, *[ORDER] * 200, seed=seed) for seed in (7, 7, 8))
    assert first == again != other
    assert 30 < sum(first) < 90


def test_rules_do_not_disturb_each_others_chance():
    alone, both = Mischief(Faults(), 7), Mischief(Faults(), 7)
    for mischief in (alone, both):
        mischief.arm(Rule("lose_response", chance=0.5), T0)
    both.arm(Rule("latency", chance=0.5), T0)
    hits = []
    for mischief in (alone, both):
        mischief.strike("latency", ORDER, T0)
        hits.append([mischief.strike("lose_response", ORDER, T0) is not None for _ in range(50)])
    assert hits[0] == hits[1]


def test_every_strike_is_kept_with_its_number_time_and_what_it_hit(tmp_path):
    mischief = Mischief(Faults(latency=1), 1)
    mischief.log.path = tmp_path / "faults.jsonl"
    mischief.arm(Rule("lose_response"), T0)
    mischief.strike("lose_response", ORDER, T0)
    mischief.strike("latency", ORDER, T0 + S)
    lines = mischief.log.path.read_text().splitlines()
    assert lines == [
        f'{{"sequence":1,"at":{T0},"fault":"lose_response","rule":1,"hit":"order"}}',
        f'{{"sequence":2,"at":{T0 + S},"fault":"latency","rule":0,"hit":"order"}}',
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, "fault None is none; there are: accounts_lag"),
        ("lose_response", "fault None is none"),
        ({"fault": "typo"}, "fault 'typo' is none"),
        ({"fault": "lose_response", "chanse": 1}, "lose_response has no key 'chanse'; there are: fault, at"),
        ({"fault": "lose_response", "seconds": 1}, "has no key 'seconds'"),
        ({"fault": "warning", "chance": 0.5}, "warning has no key 'chance'"),
        ({"fault": "lose_response", "chance": 0}, "chance 0.0: expected a number in"),
        ({"fault": "lose_response", "chance": "often"}, "Expected `float`, got `str` - at `\\$.chance`"),
        ({"fault": "lose_response", "count": -1}, "count -1: expected zero or more"),
        ({"fault": "lose_response", "at": "soon"}, "at 'soon': expected an ISO time"),
        ({"fault": "lose_response", "side": "buy"}, "side 'buy': expected bid or ask"),
        ({"fault": "error_after", "status": 404}, "status 404: expected 500 or 502"),
        ({"fault": "latency", "ms": -1}, "ms -1.0: expected milliseconds"),
        ({"fault": "ws_drop", "socket": "info"}, "socket 'info': expected public or private"),
        ({"fault": "caution", "flag": "SOMETHING"}, "flag 'SOMETHING': expected PRICE_FLUCTUATIONS or"),
        ({"fault": "caution"}, "caution needs 'flag'"),
        ({"fault": "delisting", "date": "soon"}, "date 'soon': expected a date such as"),
        ({"fault": "tick_change", "factor": 0}, "factor 0: expected a whole number from 1"),
        ({"fault": "warning", "moment": "m", "after": 1}, "moment 'm': expected none beside"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_says_which_key_what_was_found_and_what_is_possible(entry, expected):
    with pytest.raises(ConfigError, match=f"here: .*{expected}"):
        read_rule(entry, "here")


def test_every_fault_can_be_written_with_all_of_its_keys():
    values = {"status": 503, "factor": 2, "flag": "PRICE_FLUCTUATIONS", "date": "2026-12-01", "side": "bid"}
    values |= {"socket": "public", "at": "2026-12-01T00:00:00", "fault": "", "chance": 0.5}
    for fault in KINDS:
        texts = {"moment", "method", "path", "market", "account", "title", "category", "body", "field", "value"}
        keys = set(keys_of(fault)) - {"moment"}
        entry = {key: values.get(key, "text" if key in texts else 1) for key in keys} | {"fault": fault}
        assert read_rule(entry, "here").fault == fault


def test_a_scenario_holds_dials_and_rules_and_its_times_are_utc(tmp_path):
    path = tmp_path / "night.toml"
    path.write_text(
        """
        [dials]
        latency = 0.25

        [[fault]]
        fault = "lose_response"
        at = 2026-12-01T02:00:00Z

        [[fault]]
        fault = "delisting"
        market = "KRW-XRP"
        date = 2026-12-31
        """
    )
    dials, rules = read_scenario(path)
    assert dials == {"latency": 0.25}
    assert rules[0] == Rule("lose_response", at=1_796_090_400 * S)
    assert rules[1] == Rule("delisting", market="KRW-XRP", date="2026-12-31")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nonsense", "cannot be read"),
        ("[faults]\n", "unknown faults; expected"),
        ("fault = 1\n", "expected a table"),
        ("[dials]\ntypo = 1\n", "no fault is called 'typo'"),
        ("[dials]\nstorm = true\n", "storm=True: expected"),
        ('[[fault]]\nfault = "storm"\n[[fault]]\nfault = "typo"\n', "fault 2: fault 'typo' is none"),
    ],
)
def test_a_scenario_that_cannot_be_names_the_file_and_the_entry(tmp_path, text, expected):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"scenario .*wrong.toml.*{expected}"):
        read_scenario(path)
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read"):
        read_scenario(tmp_path / "absent.toml")
