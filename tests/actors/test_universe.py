import msgspec

from actors.runtime import Recovered
from actors.universe import Universe
from domain.messages import UniverseChanged
from tests.actors.stage import BTC, Stage, session

ETH = "KRW-ETH"


def told(stage: Stage) -> tuple[str, ...]:
    (changed,) = stage.on("universe", UniverseChanged)
    return changed.markets


def test_every_market_of_a_session_may_be_entered():
    assert told(Stage(Universe, "universe").tell(session(BTC, ETH))) == (BTC, ETH)


def test_a_market_that_is_there_for_its_exit_alone_may_not_be_entered():
    universe = Stage(Universe, "universe").tell(msgspec.structs.replace(session(BTC, ETH), entries=(ETH,)))
    assert told(universe) == (ETH,)
    assert told(universe.tell(Recovered(2), "runtime")) == (ETH,)
