"""The way to the exchange, step by step: name, connection, encryption, an answer, a frame, and its clock."""

import json
import socket
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import requests
import websocket

from actors.runtime import Clock
from actors.upbit import wire
from domain.errors import BadPayload, ExchangeUnavailable
from domain.finding import Finding, green, grey, red, yellow
from domain.market import US_PER_S

PORTS: Final = {"http": 80, "https": 443}
CONNECT_S: Final = 5.0
SLOW_MS: Final = 1_000
SKEW_WARN_S: Final = 2.0
SKEW_FAIL_S: Final = 30.0
FRAMES: Final = 20  # frames that may come before the one asked for
REACH: Final = "see to this machine's network, its firewall, and whether the exchange is in maintenance"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the exchange: its status, its Date, and when it was asked and answered (microseconds UTC)."""

    status: int
    date: str
    asked_at: int
    answered_at: int

    @property
    def took_ms(self) -> float:
        """How long it took."""
        return (self.answered_at - self.asked_at) / 1_000


def answer_of(url: str, clock: Clock) -> Answered:
    """One public call, on a connection opened before the time is taken; raises ExchangeUnavailable."""
    path = f"{url.rstrip('/')}/v1/market/all"
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.get(path, timeout=CONNECT_S, allow_redirects=False)
            asked_at = clock.now()
            answer = session.get(path, timeout=CONNECT_S, allow_redirects=False)
            return Answered(answer.status_code, answer.headers.get("Date", ""), asked_at, clock.now())
    except requests.RequestException as error:
        raise ExchangeUnavailable(f"GET {path}: {type(error).__name__}") from error


def dns(url: str) -> Finding:
    """Whether the exchange's name leads to an address."""
    host = _host(url)[0]
    if _is_address(host):
        return grey("dns", f"not applicable: {host} is an address already")
    try:
        found = sorted({str(row[4][0]) for row in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        return red(
            "dns", f"{host}: {error.strerror or error}", "an address", "see to the name server (/etc/resolv.conf)"
        )
    return green("dns", f"{host} is {', '.join(found[:3])}")


def tcp(url: str) -> Finding:
    """Whether a connection opens."""
    host, port = _host(url)
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), CONNECT_S):
            took_ms = (time.monotonic() - began) * 1_000
    except OSError as error:
        return red("tcp", f"{host}:{port}: {error.strerror or error}", "a connection", REACH)
    return green("tcp", f"{host}:{port} in {took_ms:.0f} ms")


def tls(url: str) -> Finding:
    """Whether the exchange proves who it is, with an encryption it accepts."""
    host, port = _host(url)
    if urlsplit(url).scheme != "https":
        return grey("tls", "not applicable: this exchange is spoken to without encryption")
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), CONNECT_S) as line,
            context.wrap_socket(line, server_hostname=host) as safe,
        ):
            return green("tls", f"{safe.version()}, certificate until {_not_after(safe)}", "TLS 1.2 or newer")
    except ssl.SSLCertVerificationError as error:
        advice = "something between this machine and the exchange answers in its place, or ca-certificates are old"
        return red("tls", f"certificate refused: {error.verify_message}", "a certificate of the exchange", advice)
    except OSError as error:
        return red("tls", f"{host}:{port}: {error.strerror or error}", "a TLS handshake", REACH)


def http(ask: Callable[[], Answered]) -> Finding:
    """Whether the exchange answers a public call."""
    try:
        answered = ask()
    except ExchangeUnavailable as error:
        return red("http", str(error), "HTTP 200", REACH)
    if answered.status != requests.codes.ok:
        return red(
            "http", f"HTTP {answered.status}", "HTTP 200", "the exchange refuses or is in maintenance: try later"
        )
    text = f"HTTP 200 in {answered.took_ms:.0f} ms"
    if answered.took_ms > SLOW_MS:
        return yellow(
            "http", text, f"below {SLOW_MS} ms", "a slow way: orders will be late; a machine nearer to Seoul?"
        )
    return green("http", text, f"below {SLOW_MS} ms")


def websocket_frame(url: str, market: str) -> Finding:
    """Whether a socket opens and brings the first frame asked for."""
    name, expected = "websocket", f"a ticker of {market}"
    try:
        line = websocket.create_connection(url, timeout=CONNECT_S, suppress_origin=True, redirect_limit=0)
    except websocket.WebSocketBadStatusException as error:
        return red(
            name, f"upgrade refused: HTTP {error.status_code}", "HTTP 101", "try later; a proxy may strip upgrades"
        )
    except (OSError, websocket.WebSocketException) as error:
        return red(name, f"no upgrade: {type(error).__name__}", "HTTP 101", REACH)
    try:
        line.send(json.dumps([{"ticket": str(uuid.uuid4())}, {"type": "ticker", "codes": [market]}]))
        for _ in range(FRAMES):
            told = wire.load(line.recv() or b"null")
            if isinstance(told, dict) and told.get("type") == "ticker" and told.get("code") == market:
                return green(name, f"upgraded, first ticker of {market} came", expected)
        return red(name, f"{FRAMES} frames, none of them a ticker of {market}", expected, "please report this")
    except (OSError, websocket.WebSocketException) as error:
        return red(name, f"upgraded, then no frame: {type(error).__name__}", expected, REACH)
    except BadPayload as error:
        return red(name, str(error), expected, "something on the way changes what the exchange says")
    finally:
        line.shutdown()  # type: ignore[no-untyped-call]  # websocket-client has no types here


def clock_skew(answered: Answered) -> Finding:
    """How far our clock is from the exchange's, whose Date header tells whole seconds."""
    name, expected = "clock", f"within {SKEW_WARN_S:g} s of the exchange"
    try:
        told = parsedate_to_datetime(answered.date)
    except (ValueError, TypeError):
        return grey(name, f"the exchange told no time (Date: {answered.date or 'absent'})")
    skew_s = skew(told, answered)
    text = f"{abs(skew_s):.1f} s {'behind' if skew_s > 0 else 'ahead'}" if skew_s else "no difference to be seen"
    if abs(skew_s) > SKEW_FAIL_S:
        return red(
            name, text, expected, "set this machine's clock: `timedatectl set-ntp true`; candles would be cut wrongly"
        )
    if abs(skew_s) > SKEW_WARN_S:
        return yellow(name, text, expected, "let the machine keep its clock: `timedatectl set-ntp true`")
    return green(name, text, expected)


def skew(told: datetime, answered: Answered) -> float:
    """Seconds the exchange is certainly ahead of us (behind: below zero); 0 where its whole second leaves it open."""
    second = int(told.timestamp()) * US_PER_S
    if second > answered.answered_at:
        return (second - answered.answered_at) / US_PER_S
    return min(0, second + US_PER_S - answered.asked_at) / US_PER_S


def _host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _not_after(safe: ssl.SSLSocket) -> str:
    certificate = safe.getpeercert() or {}
    return str(certificate.get("notAfter", "an unknown day"))
