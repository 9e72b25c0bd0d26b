"""The belief in the data inside the whole core: the exchange rests, the process dies, the journal is played again."""

from decimal import Decimal as D

from domain.market import HEARTBEAT, HOUR, MINUTE, Bar
from domain.messages import CandlesTold, DataBlocked, DecisionsMade
from tests.simulation.town import Town

REST_MIN = 12


class RestingTown(Town):
    """A town whose exchange rests for a while after an hour; the heartbeat's market is told minute by minute."""

    def __init__(self) -> None:
        super().__init__(1)
        begin = self.host.agenda.now + HOUR
        self.rest = begin - begin % MINUTE, begin - begin % MINUTE + REST_MIN * MINUTE
        self.host.call_later(MINUTE - self.host.agenda.now % MINUTE, self._beat)

    def is_resting(self, at: int) -> bool:
        return self.rest[0] <= at < self.rest[1]

    def _beat(self) -> None:
        until = self.host.agenda.now
        start, price = until - MINUTE, D(1_000)
        bars = () if self.is_resting(start) else (Bar(start, price, price, price, price, D(1), price),)
        self.host.tell("quality", CandlesTold(HEARTBEAT, start, until, bars, "trades", "provisional"))
        self.host.call_later(MINUTE, self._beat)

    def _print(self, market: str, now: int) -> None:
        if not self.is_resting(now):
            super()._print(market, now)


def gates(town: Town, since: int, until: int) -> list[set[str]]:
    """The codes against each market at each decision of a time."""
    made = [one for one in town.of(DecisionsMade) if since <= one.at < until]
    return [{gate.code for gate in decision.gates} for one in made for decision in one.decisions]


def test_an_exchange_that_rests_is_not_entered_until_half_an_hour_after_it_trades_again():
    town = RestingTown().run(3)
    begin, end = town.rest
    resting = gates(town, begin + 4 * MINUTE, end + 30 * MINUTE)
    assert len(resting) >= 3 * 7
    assert all("MAINTENANCE" in codes for codes in resting)
    free = gates(town, town.rest[0] - 40 * MINUTE, begin) + gates(town, end + 31 * MINUTE, end + 60 * MINUTE)
    assert not any("MAINTENANCE" in codes for codes in free)
    assert all({"SYNTHETIC"} & codes for codes in gates(town, begin + 6 * MINUTE, end))


def test_a_process_that_dies_while_entries_are_blocked_comes_back_blocked():
    town = RestingTown()
    town.run(1 + 5 / 60)
    before = town.host.state("quality").causes
    assert [block.code for block in before.blocks] == ["MAINTENANCE"]
    town.host.kill()
    town.run(1 / 60)
    after = town.host.state("quality").causes
    assert after.blocks == before.blocks
    assert [block.code for block in town.host.state("portfolio").blocks] == ["MAINTENANCE"]
    assert [block.code for block in town.host.state("risk").blocks] == ["MAINTENANCE"]
    town.run(1)
    assert town.host.state("portfolio").blocks == town.host.state("risk").blocks == ()
    assert before.blocks[0].since in {block.since for one in town.of(DataBlocked) for block in one.ended}


def test_a_time_with_blocks_and_a_death_replays_to_the_same_states():
    town = RestingTown()
    town.run(1 + 5 / 60)
    town.host.kill()
    town.run(1)
    report = town.replayed()
    assert report.identical, report.first_difference
