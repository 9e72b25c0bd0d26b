"""One HTTP call to the exchange: signed, inside its limits, on a kept connection, with an answer or a typed error."""

import logging
import threading
from collections.abc import Callable
from random import SystemRandom
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import MaxRetryError, NewConnectionError

from actors.upbit import wire
from actors.upbit.budgets import MAIN
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.refusals import refusal
from actors.upbit.sign import Keys, Params, bearer, pairs, wire_query
from domain.errors import (
    AuthError,
    AuthReason,
    BadPayload,
    Blocked,
    ConfigError,
    ExchangeError,
    ExchangeUnavailable,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerError,
)

log = logging.getLogger(__name__)

TIMEOUT_S: Final = (5.0, 10.0)  # connect, read; real time
ORDER_TURN_S: Final = 2.0  # real; an order that waits longer for its turn is refused: who wants it decides anew
GET_TRIES: Final = 4
REPLACE: Final = "/v1/orders/cancel_and_new"
BACKOFF_S: Final = 0.3
NOT_FOUND: Final = 404
NO_TIME: Final = 408
BLOCKED: Final = 418
TOO_MANY: Final = 429
SERVER_ERROR: Final = 500
_spread: Final = SystemRandom().uniform


class Transport:
    """Makes the calls. Thread-safe: each thread keeps its own connection, all share one limiter.

    Raises RequestRefused or a child of it (a definite no), RateLimited, ExchangeUnavailable (nothing was changed
    there), OutcomeUnknown (a POST or DELETE whose answer never came or cannot be read: it may have worked), BadPayload
    (a GET answered with something else than JSON), and ConfigError when a signed call has no keys. No error shows a
    key or a header.
    """

    def __init__(  # noqa: PLR0913 (what a line needs, by name)
        self,
        base_url: str,
        keys: Keys | None,
        limiter: Limiter,
        *,
        pocket: str = MAIN,
        pause: Callable[[float], object] | None = None,
        timeout_s: tuple[float, float] = TIMEOUT_S,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._keys = keys
        self._limiter = limiter
        self._pocket = pocket
        self._ending = threading.Event()
        self._pause = pause or self._ending.wait
        self._timeout_s = timeout_s
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def get(self, path: str, params: Params, group: str, urgency: Urgency, *, signed: bool = False) -> Any:
        """A GET, tried again with growing pauses while the exchange is not reachable or too busy."""
        for attempt in range(1, GET_TRIES + 1):
            self._limiter.acquire(group, urgency, pocket=self._pocket, closed=self._ending.is_set)
            try:
                return self._call("GET", path, params, group, signed=signed)
            except (ExchangeUnavailable, RateLimited, BadPayload, AuthError) as error:
                if attempt == GET_TRIES or not _passing(error) or self._ending.is_set():
                    raise
                log.info("call tried again path=%s attempt=%d reason=%s", path, attempt, error)
                self._pause(BACKOFF_S * 2**attempt * _spread(0.5, 1.0))
        raise AssertionError("the loop returns or raises")

    def send(self, method: str, path: str, params: Params, group: str) -> Any:
        """A signed POST or DELETE, sent once: whether it may be sent again is not for this place to know."""
        urgency = Urgency.CANCEL if method == "DELETE" or path == REPLACE else Urgency.ORDER
        self._limiter.acquire(group, urgency, ORDER_TURN_S, pocket=self._pocket, closed=self._ending.is_set)
        return self._call(method, path, params, group, signed=True)

    def close(self) -> None:
        """End the pauses and close every connection; calls in flight fail, later ones raise ExchangeUnavailable."""
        self._ending.set()
        self._limiter.wake()
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _call(self, method: str, path: str, params: Params, group: str, *, signed: bool) -> Any:
        where = f"{method} {path}"
        query = wire_query(params) if method != "POST" else ""
        try:
            answer = self._session().request(
                method,
                f"{self._base}{path}?{query}" if query else self._base + path,
                data=wire.dump(dict(pairs(params))) if method == "POST" else None,
                headers=self._headers(method, params, signed=signed),
                timeout=self._timeout_s,
                allow_redirects=False,  # an order must not go where a redirect leads, and a key neither
            )
        except requests.RequestException as error:
            raise _lost(method, where, error) from error
        self._limiter.remaining(answer.headers.get("Remaining-Req"), pocket=self._pocket)
        if answer.status_code in {TOO_MANY, BLOCKED}:
            raise self._limited(where, group, answer)
        self._limiter.passed(group, pocket=self._pocket)
        if requests.codes.ok <= answer.status_code < requests.codes.multiple_choices:
            return _read(method, where, answer.content)
        raise _refusal(method, where, answer)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers = CaseInsensitiveDict({"Accept": "application/json"})
            session.trust_env = False  # what a shell says of proxies and passwords must not decide whom we talk to
            session.mount(self._base, HTTPAdapter(pool_maxsize=2, max_retries=0))
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _headers(self, method: str, params: Params, *, signed: bool) -> dict[str, str]:
        """Each header once: the exchange refuses doubled ones. Only its public side compresses."""
        headers = {"Accept-Encoding": "identity" if signed else "gzip"}
        if method == "POST":
            headers["Content-Type"] = "application/json; charset=utf-8"
        if signed:
            if self._keys is None:
                raise ConfigError("this call needs API keys, and none were given")
            headers["Authorization"] = bearer(self._keys, params)
        return headers

    def _limited(self, where: str, group: str, answer: requests.Response) -> RateLimited:
        name, message = wire.error_of(answer.content)
        blocked = answer.status_code == BLOCKED
        told = wire.seconds_told(message, answer.headers.get("Retry-After"))
        wait_s = self._limiter.refused(group, blocked=blocked, seconds=told, pocket=self._pocket)
        return (Blocked if blocked else RateLimited)(f"{where}: HTTP {answer.status_code} {name}".rstrip(), wait_s)


def _no_answer(method: str, text: str, kind: type[ExchangeError] = ExchangeUnavailable) -> ExchangeError:
    """A GET changed nothing; anything else may have worked."""
    return (kind if method == "GET" else OutcomeUnknown)(text)


def _lost(method: str, where: str, error: requests.RequestException) -> Exception:
    """No answer came: nothing was sent, or nobody knows."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    text = f"{where}: {type(error).__name__}"
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return ExchangeUnavailable(f"{text}, not sent")
    return _no_answer(method, f"{text}, no answer")


def _read(method: str, where: str, content: bytes) -> Any:
    try:
        return wire.load(content)
    except BadPayload as error:
        if method == "GET":
            raise
        raise OutcomeUnknown(f"{where}: {error}") from error


def _refusal(method: str, where: str, answer: requests.Response) -> ExchangeError:
    """A definite no has a status of its own and a name; a used nonce means that a copy of the call came before."""
    name, message = wire.error_of(answer.content)
    status = answer.status_code
    if name and requests.codes.bad_request <= status < SERVER_ERROR and status != NO_TIME:
        refused = refusal(status, name, message)
        if method == "GET" or not _copied(refused):
            return refused
    kind = ServerError if status >= SERVER_ERROR else ExchangeUnavailable
    return _no_answer(method, f"{where}: HTTP {status} {name}".rstrip(), kind)


def _copied(refused: RequestRefused) -> bool:
    """Whether a copy of this very call came before it, and may have worked."""
    return isinstance(refused, AuthError) and refused.reason is AuthReason.NONCE


def _passing(error: Exception) -> bool:
    """Whether the same GET may well work a little later."""
    if isinstance(error, AuthError):
        return _copied(error)  # the next try has a nonce of its own
    return not isinstance(error, Blocked)
