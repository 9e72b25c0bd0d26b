"""A stream under test and what it told."""

import json
import queue

from actors.upbit.streams import Stream, Timing

WAIT_S = 10.0
WANTED = ({"type": "trade", "codes": ["KRW-BTC"]},)
STEADY = Timing(backoff_s=0.01, backoff_max_s=0.02)
SIMPLE = {"ty": "trade", "cd": "KRW-BTC", "ttms": 1_795_327_198_842, "tp": 1, "tv": 2, "ab": "ASK", "sid": 5}


def trade(number: int, market: str = "KRW-BTC") -> bytes:
    return json.dumps(SIMPLE | {"sid": number, "cd": market}).encode()


class Heard:
    """A stream and what it told."""

    def __init__(self, url: str, **more) -> None:
        self.frames: queue.Queue = queue.Queue()
        self.states: queue.Queue = queue.Queue()
        more = {"timing": STEADY, "on_frame": self.frames.put} | more
        self.stream = Stream(
            url, more.pop("wanted", WANTED), on_state=lambda up, why: self.states.put((up, why)), **more
        )
        self.stream.start()

    def state(self) -> tuple[bool, str]:
        return self.states.get(timeout=WAIT_S)

    def number(self) -> int:
        return self.frames.get(timeout=WAIT_S).trade.sequential_id
