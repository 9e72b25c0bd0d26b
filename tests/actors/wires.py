"""A feed on real sockets: a peer for its stream, and a server for the REST calls that stand in for it."""

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from actors.feed import Feed
from actors.lookout import Patience
from actors.runtime import ScaledClock
from actors.upbit import line
from actors.upbit.frames import Frame, TradeFrame
from actors.upbit.rest import UpbitRest
from actors.upbit.retry import Timeouts
from actors.upbit.streams import Stream, Timing
from domain.message import Message
from domain.messages import IntervalDue, MarketsWatched, TradesPrinted
from tests.actors.edge import Ear
from tests.actors.stage import T0

BTC, ETH = "KRW-BTC", "KRW-ETH"
T0_MS = T0 // 1_000
QUICK = Patience(
    look_s=0.03,
    calm_s=0.03,
    quiet_s=0.3,
    settle_s=0.0,
    confirm_s=0.1,
    snapshot_s=0.3,
    hold_s=60.0,
    measure_s=0.05,
    renew_s=60.0,
)


class Truth:
    """What really traded, told by /v1/ticker and /v1/trades/ticks. `broken` answers every call with that status."""

    def __init__(self) -> None:
        self.trades: dict[str, list[tuple[int, int]]] = {BTC: [], ETH: []}  # (number, milliseconds after T0)
        self.broken = 0
        self.unknown: set[str] = set()
        self.late: set[int] = set()  # numbers that /v1/trades/ticks does not show yet
        self.before_ticks: Any = int  # done before trades are told
        self.before_answer: Any = int  # done before any answer
        self.calls: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                outer.calls.append(path)
                outer.before_answer()
                status, rows = outer.answer(path, dict(urllib.parse.parse_qsl(query)))
                raw = json.dumps(rows).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        if self.broken:
            return self.broken, {"error": {"name": "server_error", "message": "broken"}}
        if path == "/v1/trades/ticks":
            return 200, self._ticks(asked)
        markets = asked["markets"].split(",") if path == "/v1/ticker" else list(self.trades)
        if path == "/v1/ticker" and self.unknown & set(markets):
            return 404, {"error": {"name": 404, "message": "Code not found"}}
        return 200, [self._ticker(market) for market in markets if self.trades[market]]

    def _ticks(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        self.before_ticks()
        cursor = int(asked.get("cursor", 1 << 62))
        told = sorted((one for one in self.trades[asked["market"]] if one[0] not in self.late), reverse=True)
        today = [] if "days_ago" in asked else [one for one in told if one[0] < cursor]
        return [
            {
                "market": asked["market"],
                "timestamp": T0_MS + at,
                "trade_price": 100,
                "trade_volume": 1,
                "ask_bid": "BID",
                "sequential_id": number,
            }
            for number, at in today[: int(asked["count"])]
        ]

    def _ticker(self, market: str) -> dict[str, Any]:
        names = (
            "trade_price opening_price high_price low_price prev_closing_price signed_change_rate "
            "acc_trade_volume_24h acc_trade_price_24h"
        )
        at = max(at for _, at in self.trades[market])
        return {"market": market, "trade_timestamp": T0_MS + at} | dict.fromkeys(names.split(), 1)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def frame_of(number: int, at: int, market: str = BTC) -> bytes:
    """A trade as the stream tells it."""
    told = {"type": "trade", "code": market, "trade_timestamp": T0_MS + at, "trade_price": 100, "trade_volume": 1}
    return json.dumps(told | {"ask_bid": "BID", "sequential_id": number}).encode()


class Trades(Stream):
    """The stream of the trades of whatever markets are watched."""

    def watch(self, markets: tuple[str, ...]) -> None:
        self.replace_subscriptions([{"type": "trade", "codes": list(markets)}])


class Wired:
    """A feed of two markets between the peer and the truth, and what it said."""

    def __init__(self, socket: str, truth: Truth, **patience: float) -> None:
        self.ear = Ear()
        self.time = T0  # moved by hand
        self.rest = UpbitRest(
            truth.url,
            None,
            ScaledClock(T0, time.monotonic_ns(), 1_000.0),
            timeouts=Timeouts(*[line.Patience(2.0, 2.0, 5.0)] * 4),
            pause=lambda _: None,
        )
        wanted = ({"type": "trade", "codes": [BTC, ETH]},)

        def open_stream(on_trade, _on_book, on_echo, _on_candle, on_state) -> Stream:
            def on_frame(frame: Frame) -> None:
                if isinstance(frame, TradeFrame):
                    on_trade(frame.market, frame.trade)

            self.stream = Trades(
                socket,
                wanted,
                on_frame=on_frame,
                on_state=on_state,
                on_echo=on_echo,
                timing=Timing(backoff_s=0.01, backoff_max_s=0.02),
            )
            return self.stream

        quick = {name: getattr(QUICK, name) for name in QUICK.__slots__} | patience
        self.feed = Feed(
            self.ear,
            "feed",
            open_stream=open_stream,
            markets=(BTC, ETH),
            now=lambda: self.time,
            client=self.rest,
            patience=Patience(**quick),
        )
        self.feed.on_begin()

    def clock_strikes(self, end: int) -> None:
        """The clock's actor says that an interval is over."""
        self.time = end
        self.feed.run_turn("clock", IntervalDue(end), end)

    def watch(self, *markets: str) -> None:
        """The universe says whose actors live."""
        self.feed.run_turn("universe", MarketsWatched(markets), self.time)

    def close(self) -> None:
        self.feed.on_end()
        self.rest.close()

    def until(self, *kinds: type[Message], count: int = 1, market: str = "") -> list[Any]:
        """The next messages of these kinds (to a market, if one is given), in order; waits for them."""
        found: list[Any] = []
        for to, message in self.ear.each():
            if isinstance(message, kinds) and (not market or to == f"market:{market}"):
                found.append(message)
            if len(found) == count:
                break
        return found

    def numbers(self, count: int, market: str = BTC) -> list[int]:
        """The numbers of the market's next trades."""
        told: list[int] = []
        while len(told) < count:
            (printed,) = self.until(TradesPrinted, market=market)
            told += [trade.sequential_id for trade in printed.trades]
        return told
