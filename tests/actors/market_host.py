"""The public side of an exchange over real HTTP: listings, tickers, day candles and books, as a test wants them."""

import json
import threading
import urllib.parse
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from actors.upbit.wire import moment
from domain.market import DAY, US_PER_S
from tests.actors.stage import T0

PRICES = ("opening_price", "high_price", "low_price", "trade_price")


class MarketHost:
    """Tells of its `markets`: each with price, 24 h value, day candles (value by days before T0), and books to come.

    `broken` are calls, as path or (path, market), that answer with HTTP 500.
    """

    def __init__(self, *markets):
        self.markets = {market: {"price": 1_000, "value": 10**10, "days": [6 * 10**9] * 40} for market in markets}
        self.book = dict.fromkeys(markets, (1000, 999))  # best ask and bid; the second ones are 1 further
        self.broken, self.calls, self.asked = set(), Counter(), []
        self.told = threading.Condition()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body leave together

            def do_GET(self):
                path, _, query = self.path.partition("?")
                status, rows = host.answer(path, dict(urllib.parse.parse_qsl(query)))
                raw = json.dumps(rows).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path, asked):
        with self.told:
            self.calls[path] += 1
            self.asked.append((path, asked))
            self.told.notify_all()
        if path in self.broken or (path, asked.get("market")) in self.broken:
            return 500, {"error": {"name": "server_error", "message": "broken"}}
        match path:
            case "/v1/market/all":
                return 200, [{"market": one, "korean_name": one, "english_name": one} for one in self.markets]
            case "/v1/ticker/all":
                quotes = asked["quote_currencies"].split(",")
                return 200, [self._ticker(one) for one in self.markets if one.partition("-")[0] in quotes]
            case "/v1/candles/days":
                return 200, self._days(asked["market"], moment(asked["to"]), int(asked["count"]))
            case "/v1/orderbook":
                return self._books(asked["markets"].split(","), int(asked["count"]))
        raise AssertionError(path)

    def until(self, path, count):
        """Wait until a path was called so many times."""
        with self.told:
            assert self.told.wait_for(lambda: self.calls[path] >= count, timeout=10), self.calls

    def _ticker(self, market):
        one = self.markets[market]
        names = (*PRICES, "prev_closing_price", "signed_change_rate", "acc_trade_volume_24h")
        row = dict.fromkeys(names, one["price"]) | {"acc_trade_price_24h": one["value"]}
        return row | {"market": market, "trade_timestamp": T0 // 1_000}

    def _days(self, market, to, count):
        """Newest first, the day of T0 included as long as it is asked for."""
        values = [1, *self.markets[market]["days"]]  # what the day of T0 has traded so far must never count
        starts = [T0 - place * DAY for place in range(len(values))]
        return [self._candle(market, *day) for day in zip(starts, values, strict=True) if day[0] < to][:count]

    def _candle(self, market, start, value):
        stamp = datetime.fromtimestamp(start // US_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        row = {"market": market, "candle_date_time_utc": stamp} | dict.fromkeys(PRICES, 1_000)
        return row | {"candle_acc_trade_volume": 1, "candle_acc_trade_price": value}

    def _books(self, markets, count):
        if unknown := [market for market in markets if market not in self.book]:
            return 404, {"error": {"name": 404, "message": f"Code not found {unknown}"}}
        return 200, [self._book(market, *self.book[market], count) for market in markets]

    def _book(self, market, ask, bid, count):
        units = [
            {"ask_price": ask + level, "bid_price": bid - level, "ask_size": 1, "bid_size": 1} for level in range(count)
        ]
        return {"market": market, "timestamp": T0 // 1_000, "orderbook_units": units}
