"""A paper session on a bad day: every fault of the wire in one scenario, and books that equal the exchange after it."""

import json

from tests.system.conftest import run, summary

BAD_DAY = """
[dials]
lose_response = 0.1
latency = 0.02
latency_ms = 20

[[fault]]
fault = "limited"
chance = 0.02
seconds = 1

[[fault]]
fault = "bad_gateway"
chance = 0.02

[[fault]]
fault = "lose_event"
chance = 0.1

[[fault]]
fault = "duplicate_event"
chance = 0.1

[[fault]]
fault = "blocked"
path = "/v1/*"
in_s = 600
count = 1
seconds = 30

[[fault]]
fault = "ws_drop"
in_s = 900
count = 2

[[fault]]
fault = "tick_change"
in_s = 1000
factor = 2
for_s = 300

[[fault]]
fault = "maintenance"
in_s = 1500
for_s = 120
reopen_s = 60

[[fault]]
fault = "novelty"
path = "/v1/order*"
chance = 0.2
field = "smp_type"
value = "hitherto_unheard_of"
"""


def test_after_an_hour_of_every_fault_the_books_equal_the_exchange(tmp_path):
    scenario, home = tmp_path / "bad_day.toml", tmp_path / "home"
    scenario.write_text(BAD_DAY)
    arguments = ("--speed", "240", "--for", "1h", "--no-web", "--json", "--markets", "KRW-BTC,KRW-ETH,KRW-XRP")
    code, out, err = run("paper", "--sandbox", *arguments, "--scenario", str(scenario), "--home", str(home))
    assert code == 0, err[-4000:]
    told = summary(out, err)
    assert told["reconciled"] is True
    assert told["restarts"] == told["dead_letters"] == 0
    struck = {json.loads(line)["fault"] for line in (home / "sandbox" / "faults.jsonl").read_text().splitlines()}
    assert {"latency", "limited", "blocked", "ws_drop", "tick_change", "maintenance"} <= struck
