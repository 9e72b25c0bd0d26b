"""One HTTP call to the exchange: signed, inside its limits, on a kept connection, with an answer or a typed error."""

import threading
from collections.abc import Callable
from typing import Any, Final

import requests

from actors.upbit import wire
from actors.upbit.breaker import Breaker, Circuit, Told
from actors.upbit.budgets import MAIN, GroupState
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.line import Line, LineBroken, Patience, Reply
from actors.upbit.refusals import refusal
from actors.upbit.retry import TIMEOUTS, Kind, Retry, Timeouts, kind_of
from actors.upbit.sign import Keys, Params, bearer, pairs, wire_query
from actors.upbit.skew import Skew
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

ORDER_TURN_S: Final = 2.0  # real; an order that waits longer for its turn is refused: who wants it decides anew
CANCEL_TURN_S: Final = 5.0  # a cancel is never outdated, and a batch of them has one turn in two seconds
OK, REDIRECT, BAD_REQUEST, NOT_FOUND, NO_TIME, BLOCKED, TOO_MANY, SERVER_ERROR = 200, 300, 400, 404, 408, 418, 429, 500


class Transport:
    """Makes the calls. Thread-safe: all threads share the kept connections and one limiter.

    Raises RequestRefused or a child of it (a definite no), RateLimited, ExchangeUnavailable (nothing was changed
    there; of a POST or DELETE: it was not sent), OutcomeUnknown (a POST or DELETE whose answer never came or cannot be
    read: it may have worked), BadPayload (a GET answered with something else than JSON), and ConfigError when a signed
    call has no keys. No error shows a key or a header.

    After many failures the calls of a side (quotation, exchange) are held back and fail at once, except cancels and
    order look-ups: they are tried whatever the odds. Whoever wants to know of it asks by `watch`.
    """

    def __init__(  # noqa: PLR0913 (what a line needs, by name)
        self,
        base_url: str,
        keys: Keys | None,
        limiter: Limiter,
        *,
        pocket: str = MAIN,
        pause: Callable[[float], object] | None = None,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"expected the exchange's address, such as https://api.upbit.com, found {base_url!r}")
        self._base = base_url.rstrip("/")
        self._keys = keys
        self._limiter = limiter
        self._pocket = pocket
        self._ending = threading.Event()
        self._pause = pause or self._ending.wait
        self._timeouts = timeouts
        self._line = Line()
        self._watchers: list[Told] = []
        self._breakers = {
            signed: Breaker("exchange" if signed else "quotation", limiter.clock, self._tell)
            for signed in (False, True)
        }
        self._skew = Skew(limiter.clock)

    def get(self, path: str, params: Params, group: str, urgency: Urgency, *, signed: bool = False) -> Any:
        """A GET, tried again with growing pauses while the exchange is not reachable or too busy."""
        kind = kind_of("GET", path, signed=signed)
        retry = Retry(self._timeouts.of(kind), self._pause)
        while True:
            self._admit(kind, group, urgency, retry.left_s(), signed=signed)
            try:
                return self._call(
                    self._request("GET", path, params, signed=signed), group, retry.patience(), signed=signed
                )
            except (ExchangeUnavailable, RateLimited, BadPayload, AuthError) as error:
                if self._ending.is_set() or not _passing(error) or not retry.again(path, error):
                    raise

    def send(self, method: str, path: str, params: Params, group: str) -> Any:
        """A signed POST or DELETE, sent once: whether it may be sent again is not for this place to know."""
        kind = kind_of(method, path, signed=True)
        turn_s = CANCEL_TURN_S if kind is Kind.CANCEL else ORDER_TURN_S
        self._admit(kind, group, kind.urgency, turn_s, signed=True)
        request = self._request(method, path, params, signed=True)
        return self._call(request, group, self._timeouts.of(kind), signed=True)

    def watch(self, told: Told) -> None:
        """Have a function called whenever calls of a side begin to be held back, and when they go on."""
        self._watchers.append(told)

    def limits(self) -> tuple[GroupState, ...]:
        """How the limits stand: calls left, callers waiting, shut until."""
        return self._limiter.snapshot()

    def circuits(self) -> tuple[Circuit, ...]:
        """How the breakers stand: quotation, exchange."""
        return tuple(breaker.snapshot() for breaker in self._breakers.values())

    @property
    def skew_s(self) -> float | None:
        """Seconds the exchange's clock is ahead of ours, give or take one; None before an answer told."""
        return self._skew.seconds()

    def close(self) -> None:
        """End the pauses and turn everyone away who waits; calls in flight end by themselves, later ones raise."""
        self._ending.set()
        self._limiter.wake()
        self._line.close()

    def _tell(self, circuit: Circuit) -> None:
        for told in self._watchers:
            told(circuit)

    def _admit(self, kind: Kind, group: str, urgency: Urgency, timeout_s: float, *, signed: bool) -> None:
        """Ask the breaker, which answers at once, and wait for a turn."""
        breaker = self._breakers[signed]
        breaker.admit(always=kind.vital)
        try:
            self._limiter.acquire(group, urgency, timeout_s, pocket=self._pocket, closed=self._ending.is_set)
        except ExchangeError:
            breaker.spared()
            raise

    def _call(self, request: requests.PreparedRequest, group: str, patience: Patience, *, signed: bool) -> Any:
        """Send once, tell breaker and limiter how it went, and read the answer."""
        breaker = self._breakers[signed]
        try:
            reply = self._exchange(request, patience)
            if reply.status in {TOO_MANY, BLOCKED}:
                raise self._limited(request, group, reply)
            answer = _read(request, reply)
        except (ExchangeUnavailable, OutcomeUnknown, BadPayload) as error:
            breaker.failed(str(error))
            raise
        except RateLimited:
            breaker.succeeded()
            raise
        except RequestRefused:
            self._worked(breaker, group)
            raise
        self._worked(breaker, group)
        return answer

    def _exchange(self, request: requests.PreparedRequest, patience: Patience) -> Reply:
        """Send once; hear what every answer tells, whatever it says."""
        sent_at = self._limiter.clock.now()
        try:
            reply = self._line.call(request, patience)
        except LineBroken as error:
            raise _lost(request, error) from error
        self._skew.hear(reply.headers.get("Date"), sent_at)
        self._limiter.remaining(reply.headers.get("Remaining-Req"), pocket=self._pocket)
        return reply

    def _worked(self, breaker: Breaker, group: str) -> None:
        breaker.succeeded()
        self._limiter.passed(group, pocket=self._pocket)

    def _request(self, method: str, path: str, params: Params, *, signed: bool) -> requests.PreparedRequest:
        """Each header once: the exchange refuses doubled ones. Only its public side compresses."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity" if signed else "gzip"}
        if method == "POST":
            headers["Content-Type"] = "application/json; charset=utf-8"
        if signed:
            if self._keys is None:
                raise ConfigError("this call needs API keys, and none were given")
            headers["Authorization"] = bearer(self._keys, params)
        body = wire.dump(dict(pairs(params))) if method == "POST" else None
        query = wire_query(params) if method != "POST" else ""
        url = f"{self._base}{path}?{query}" if query else self._base + path
        return requests.Request(method, url, headers, data=body).prepare()

    def _limited(self, request: requests.PreparedRequest, group: str, reply: Reply) -> RateLimited:
        name, message = wire.error_of(reply.body)
        blocked = reply.status == BLOCKED
        told = wire.seconds_told(message, reply.headers.get("Retry-After"))
        wait_s = self._limiter.refused(group, blocked=blocked, seconds=told, pocket=self._pocket)
        return (Blocked if blocked else RateLimited)(f"{_where(request)}: HTTP {reply.status} {name}".rstrip(), wait_s)


def _passing(error: Exception) -> bool:
    """Whether the same GET may well work a little later."""
    if isinstance(error, AuthError):
        return _copied(error)  # the next try has a nonce of its own
    return not isinstance(error, Blocked)


def _where(request: requests.PreparedRequest) -> str:
    return f"{request.method} {request.path_url.partition('?')[0]}"


def _no_answer(
    request: requests.PreparedRequest, text: str, kind: type[ExchangeError] = ExchangeUnavailable
) -> ExchangeError:
    """A GET changed nothing; anything else may have worked."""
    return (kind if request.method == "GET" else OutcomeUnknown)(text)


def _lost(request: requests.PreparedRequest, error: LineBroken) -> ExchangeError:
    """No answer came: nothing was sent, or nobody knows."""
    if not error.sent:
        return ExchangeUnavailable(f"{_where(request)}: {error}; not sent")
    return _no_answer(request, f"{_where(request)}: {error}; no answer")


def _read(request: requests.PreparedRequest, reply: Reply) -> Any:
    """Give what was answered, or raise what an answer of this kind means."""
    status, where = reply.status, _where(request)
    if OK <= status < REDIRECT:
        try:
            return wire.load(reply.body)
        except BadPayload as error:
            if "Authorization" in request.headers:  # it may name keys
                raise _no_answer(request, f"{where}: {len(reply.body)} bytes that are not JSON", BadPayload) from None
            raise _no_answer(request, f"{where}: {error}", BadPayload) from error
    name, message = wire.error_of(reply.body)
    if name and BAD_REQUEST <= status < SERVER_ERROR and status != NO_TIME:
        refused = refusal(status, name, message)
        if request.method == "GET" or not _copied(refused):
            raise refused
    kind = ServerError if status >= SERVER_ERROR else ExchangeUnavailable
    raise _no_answer(request, f"{where}: HTTP {status} {name}".rstrip(), kind)


def _copied(refused: RequestRefused) -> bool:
    """Whether a copy of this very call came before it, and may have worked."""
    return isinstance(refused, AuthError) and refused.reason is AuthReason.NONCE
