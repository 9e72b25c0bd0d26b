"""A client of the exchange that shares no code with the program; it signs as upbit-api.md 11.1 does."""

import base64
import hashlib
import hmac
import json
import uuid
from decimal import Decimal
from urllib.parse import quote

import requests
import websocket

TIMEOUT = 10


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pairs(params):
    out = []
    for key, value in params.items():
        out += [(f"{key}[]", item) for item in value] if isinstance(value, list) else [(key, str(value))]
    return out


def hash_source(params):
    return "&".join(f"{key}={value}" for key, value in pairs(params))


def wire_query(params):
    return "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs(params))


def token(access, secret, text="", **how):
    """A bearer token; `how` may give nonce, alg and more claims."""
    return _token(access, secret, text, **{"nonce": None, "alg": "HS512", "claims": None} | how)


def _token(access, secret, text, *, nonce, alg, claims):  # noqa: PLR0913 (each is a way to sign wrongly)
    payload = {"access_key": access, "nonce": nonce or str(uuid.uuid4())}
    if text:
        payload |= {"query_hash": hashlib.sha512(text.encode()).hexdigest(), "query_hash_alg": "SHA512"}
    payload |= claims or {}
    digest = {"HS512": hashlib.sha512, "HS256": hashlib.sha256}.get(alg, hashlib.sha512)
    head = _b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + _b64(json.dumps(payload).encode())
    return "Bearer " + head + "." + _b64(hmac.new(secret.encode(), head.encode(), digest).digest())


class Client:
    """Speaks to a sandbox by its ready line."""

    def __init__(self, ready):
        self.ready, self.base = ready, ready["rest"]
        self.access, self.secret = ready["access_key"], ready["secret_key"]
        self.pocket = ready["accounts"][0]["pocket"]
        self.session = requests.Session()
        self.sockets, self.others = [], []

    def as_key(self, name):
        """Another client, with the key of this name."""
        other = Client(self.ready)
        (key,) = [each for each in self.ready["accounts"] if each["name"] == name]
        other.access, other.secret, other.pocket = key["access_key"], key["secret_key"], key["pocket"]
        self.others.append(other)
        return other

    def close(self):
        for other in self.others:
            other.close()
        for socket in self.sockets:
            socket.shutdown()
        self.session.close()

    def close_last(self):
        """Close the newest socket."""
        self.sockets.pop().shutdown()

    def public(self, path, params=None, **options):
        query = "?" + wire_query(params) if params else ""
        return self.session.get(self.base + path + query, timeout=TIMEOUT, **options)

    def signed(self, method, path, params=None, **sign):
        params = params or {}
        headers = {"Authorization": token(self.access, self.secret, hash_source(params), **sign)}
        if method == "POST":
            return self.session.post(self.base + path, json=params, headers=headers, timeout=TIMEOUT)
        query = "?" + wire_query(params) if params else ""
        return self.session.request(method, self.base + path + query, headers=headers, timeout=TIMEOUT)

    def get(self, path, params=None, **sign):
        return self.signed("GET", path, params, **sign)

    def delete(self, path, params=None, **sign):
        return self.signed("DELETE", path, params, **sign)

    def post(self, path, params, **sign):
        return self.signed("POST", path, params, **sign)

    def order(self, **fields):
        return self.post("/v1/orders", {name: value for name, value in fields.items() if value is not None})

    def books(self):
        params = {"pocket": self.pocket}
        return self.session.get(self.base + "/_sandbox/books", params=params, timeout=TIMEOUT).json()

    def status(self):
        return self.session.get(self.base + "/_sandbox/status", timeout=TIMEOUT).json()

    def faults(self, **faults):
        answer = self.session.post(self.base + "/_sandbox/faults", json=faults, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text

    def outside(self, what, **fields):
        """Something done to this pocket without its keys."""
        url = f"{self.base}/_sandbox/{what}"
        return self.session.post(url, json={"pocket": self.pocket} | fields, timeout=TIMEOUT)

    def deposit(self, currency, amount):
        answer = self.outside("deposit", currency=currency, amount=amount)
        assert answer.status_code == 201, answer.text

    def choose(self, **choices):
        answer = self.session.post(self.base + "/_sandbox/choices", json=choices, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text

    def arm(self, fault, **conditions):
        """Arm one rule; gives its number."""
        answer = self.session.post(self.base + "/_sandbox/faults", json={"fault": fault, **conditions}, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        return answer.json()["armed"][0]

    def disarm(self, number=None):
        path = "/_sandbox/faults" + (f"?number={number}" if number else "")
        assert self.session.delete(self.base + path, timeout=TIMEOUT).status_code == 200

    def moment(self, name):
        answer = self.session.post(self.base + "/_sandbox/moment", json={"name": name}, timeout=TIMEOUT)
        return answer.json()["begun"]

    def strikes(self):
        return self.session.get(self.base + "/_sandbox/faults/log", timeout=TIMEOUT).json()

    def requests(self):
        return self.session.get(self.base + "/_sandbox/requests", timeout=TIMEOUT).json()

    def balance(self, currency):
        held = self.books()["balances"].get(currency, {"free": "0", "locked": "0"})
        return Decimal(held["free"]), Decimal(held["locked"])

    def socket(self, *parts, private=False, auth=None):
        url = self.ready["ws"] + ("/private" if private else "")
        auth = auth or (token(self.access, self.secret) if private else None)
        header = {"Authorization": auth} if auth else {}
        socket = websocket.create_connection(url, header=header, suppress_origin=True, timeout=TIMEOUT)
        self.sockets.append(socket)
        if parts:
            ask(socket, *parts)
        return socket


def ask(socket, *parts):
    socket.send(json.dumps([{"ticket": "test"}, *parts]))


def frame(socket):
    """The next message: its opcode and its content, fractions exact."""
    code, data = socket.recv_data()
    return code, json.loads(data, parse_float=Decimal)


def message(socket):
    return frame(socket)[1]


def until(socket, wanted):
    """The messages up to the first that is wanted."""
    found = []
    while not found or not wanted(found[-1]):
        found.append(message(socket))
    return found


def drain(socket):
    """Read until the socket ends; raises what the end raises."""
    while True:
        socket.recv()


def book(client, market="KRW-XRP"):
    (row,) = client.public("/v1/orderbook", {"markets": market}).json(parse_float=Decimal, parse_int=Decimal)
    units = row["orderbook_units"]
    asks = [(unit["ask_price"], unit["ask_size"]) for unit in units if unit["ask_price"]]
    bids = [(unit["bid_price"], unit["bid_size"]) for unit in units if unit["bid_price"]]
    return asks, bids


def settled(client, answer):
    assert answer.status_code == 201, answer.text
    return client.get("/v1/order", {"uuid": answer.json()["uuid"]}).json()


def name_of(answer):
    return answer.status_code, answer.json()["error"]["name"]
