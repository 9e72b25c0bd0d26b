"""The turn is atomic, whatever strikes: seeded runs of a small bank in which money must stay the same."""

import random
from collections import Counter

import pytest

from actors.runtime import Faults, Replay, SimulatorHost, replay_records

from .bank import ACCOUNTS, BANK, OPENING, SECOND, PaymentsStopped, check_at_every_turn, total


def swarm(seed: int) -> Faults:
    """Each seed switches a random subset of the faults on: leaving some out finds what all at once hides."""
    dice = random.Random(f"swarm {seed}")

    def some(value: float, chance: float = 0.5) -> float:
        return value if dice.random() < chance else 0.0

    poison = frozenset({(dice.choice(ACCOUNTS), dice.choice(["Paid", "PaymentTaken", "Restarted"]))})
    return Faults(
        delay_us=dice.choice([0, 200, 20_000, 500_000]),
        slow=some(0.05),
        crash=some(dice.choice([0.002, 0.02])),
        kill=some(dice.choice([0.0005, 0.003])),
        disk_full=some(0.002, 0.3),
        clock_skew=dice.random() < 0.5,
        poison=poison if dice.random() < 0.2 else frozenset(),
    )


def live_through(seed: int, faults: Faults) -> SimulatorHost:
    """A minute of faults, then calm until everything has come to rest."""
    host = SimulatorHost(BANK, seed, faults)
    check_at_every_turn(host)
    host.start()
    host.run_for(60 * SECOND)
    host.chaos.on = False
    host.run_for(150 * SECOND)
    for name in ACCOUNTS:
        host.tell(name, PaymentsStopped())
    host.run_for(10 * SECOND)
    return host


@pytest.mark.parametrize("seed", range(30))
def test_money_is_neither_made_nor_destroyed_whatever_strikes(seed: int) -> None:
    host = live_through(seed, swarm(seed))
    assert host.up
    assert total(host.state) == OPENING * len(ACCOUNTS)
    assert sum(host.state(name).balance for name in ACCOUNTS) == OPENING * len(ACCOUNTS)  # nothing is on its way
    assert sum(host.state(name).count for name in ACCOUNTS) > 100
    report = replay_records(Replay(BANK, seed), host.ledger.records, host.store.snapshots)
    assert report.first_difference is None
    assert report.turns > 500


def test_every_kind_of_fault_strikes_in_these_seeds() -> None:
    happened = sum((live_through(seed, swarm(seed)).chaos.happened for seed in range(8)), start=Counter())
    for kind in ("crash before", "crash mid", "crash after", "deaths", "records lost", "disk full", "poison"):
        assert happened[kind] > 0, kind


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    faults = Faults(delay_us=20_000, slow=0.05, crash=0.02, kill=0.001)
    first, again, other = (live_through(seed, faults) for seed in (5, 5, 6))
    assert first.trace == again.trace
    assert first.ledger.records == again.ledger.records
    assert first.trace != other.trace


def test_switching_one_kind_of_fault_off_does_not_move_the_others() -> None:
    host, calmer = SimulatorHost(BANK, 3, Faults(delay_us=10, slow=0.1)), SimulatorHost(BANK, 3, Faults(delay_us=10))
    assert [host.chaos.delay_us() for _ in range(5)] == [calmer.chaos.delay_us() for _ in range(5)]
