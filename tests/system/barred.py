"""A session in which one market is barred, as run.py opens it: prints what its decisions and incidents said."""

import json
import sys
import threading
from contextlib import closing
from pathlib import Path

from actors.engine import Engine, Outlets
from actors.local import local_exchange
from actors.rulebook import barred
from domain.config import Settings
from domain.money import strict_decimals
from storage.database import open_database
from storage.home import Home
from storage.projection import Projection

MARKETS = ("KRW-BTC", "KRW-ETH")
SCENARIO = """
[[fault]]
fault = "tick_change"
market = "KRW-ETH"
factor = 5
"""
TICK = threading.Event()


def main() -> None:
    strict_decimals()
    home = Home(Path(sys.argv[1]))
    scenario = home.root / "scenario.toml"
    scenario.write_text(SCENARIO)
    options = ["--speed", "600", "--scenario", str(scenario)]
    with local_exchange(home.sandbox, options) as local, closing(open_database(home.database)) as database:
        projection = Projection(database)
        engine = Engine(
            place=local.place,
            markets=MARKETS,
            journal=home.journal,
            socket=home.web_socket,
            identifier_prefix=home.identifier_prefix,
            settings=Settings(),
            seed=1,
            code_version="test",
            outlets=Outlets(
                write=projection.apply,
                release=database.close,
                last_sequence=projection.last_sequence,
                equity=projection.equity_curve,
            ),
            halted=barred(local.place.rest, MARKETS, local.place.clock.now),
        )
        with engine:
            for _ in range(600):
                model = engine.read_model()
                decided = {
                    row.market: dict(row.gates).get("MARKET_HALT") for row in model.decisions if row.code != "LATE"
                }
                if set(decided) == set(MARKETS):  # before their history is there they are LATE
                    break
                TICK.wait(0.05)
            shown = [line.text for line in model.tape if line.code == "incident.market_halt"]
    print(json.dumps({"decided": decided, "shown": shown}))


if __name__ == "__main__":
    main()
