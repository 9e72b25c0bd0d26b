"""An exchange that tells the truth until a test has it lie: every path by itself, over real HTTP on loopback."""

import json
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS = "AcCeSsKeYoFtHeTeSt0000000000000000000001"
HIDDEN = "SeCrEtKeYoFtHeTeSt0000000000000000000001"
MARKETS = {"KRW-BTC": ("150000000", "1000"), "KRW-XRP": ("3000", "1"), "KRW-DOGE": ("250", "1")}


def error(status, name):
    return status, {"error": {"name": name, "message": "…"}}


OUT_OF_SCOPE = error(403, "out_of_scope")
NO_ROUTE = error(404, "not_found")


def listing(market):
    return {"market": market, "korean_name": market, "english_name": market}


def ticker(market, price):
    row = dict.fromkeys(
        (
            *("trade_price", "opening_price", "high_price", "low_price", "prev_closing_price"),
            *("signed_change_rate", "acc_trade_volume_24h", "acc_trade_price_24h"),
        ),
        price,
    )
    return row | {"market": market, "trade_timestamp": 1}


def instrument(market, tick):
    return {"market": market, "quote_currency": "KRW", "tick_size": tick, "supported_levels": ["0"]}


def chance(market="KRW-BTC", *, fee="0.0005", least="5000", state="active"):
    return {
        "bid_fee": fee,
        "ask_fee": fee,
        "maker_bid_fee": fee,
        "maker_ask_fee": fee,
        "market": {
            "id": market,
            "name": market,
            "state": state,
            "max_total": "1000000000",
            "bid": {"currency": "KRW", "min_total": least},
            "ask": {"currency": "X", "min_total": least},
        },
    }


def key_row(at="2099-01-01T00:00:00+09:00"):
    return {"access_key": ACCESS, "expire_at": at}


def pockets(*permissions, addresses=("203.0.113.7",)):
    row = {
        "access_key": ACCESS,
        "allowed_ips": list(addresses),
        "created_at": "2026-01-01T00:00:00+09:00",
        "expired_at": "2027-01-01T00:00:00+09:00",
        "permissions": list(permissions),
    }
    return 200, [{"uuid": "1", "keys": [row]}]


class Liar:
    """Answers by path; `says` changes one, several answers come one after the other, the last for ever."""

    def __init__(self):
        self.calls, self.skew_s, self.date = [], 0.0, None
        self._answers = {
            "/v1/market/all": [(200, [listing(market) for market in MARKETS])],
            "/v1/ticker": [(200, [ticker(market, price) for market, (price, _) in MARKETS.items()])],
            "/v1/orderbook/instruments": [(200, [instrument(market, tick) for market, (_, tick) in MARKETS.items()])],
            "/v1/api_keys": [(200, [key_row()])],
            "/v1/accounts": [(200, [])],
            "/v1/orders/chance": [(200, chance())],
            "/v1/orders/test": [(201, {})],
            "/v1/withdraws": [OUT_OF_SCOPE],
            "/v1/deposits": [OUT_OF_SCOPE],
            "/v1/pockets/api_keys": [OUT_OF_SCOPE],
        }
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                liar.calls.append((self.command, path, body.decode()))
                status, told = liar._next(path)
                raw = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815 (the names http.server calls)

            def date_time_string(self, _timestamp=None):
                return formatdate(time.time() + liar.skew_s, usegmt=True) if liar.date is None else liar.date

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.socket = self.url.replace("http", "ws") + "/websocket/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, path, *answers):
        self._answers[path] = list(answers)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _next(self, path):
        answers = self._answers.get(path, [NO_ROUTE])
        return answers.pop(0) if len(answers) > 1 else answers[0]
