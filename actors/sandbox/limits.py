"""The exchange's rate limits, counted in its own time (upbit-api.md section 4)."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from actors.sandbox.answers import Answer, error_body
from domain.market import US_PER_S

STUBBORN: Final = 10  # refusals in a row after which a scope is shut out
FIRST_BLOCK: Final = 60 * US_PER_S


class Group(NamedTuple):
    """One rate limit group: its name on the wire, calls a period, whether windows are fixed, the period in seconds."""

    name: str
    calls: int
    fixed: bool
    seconds: int = 1


MARKET: Final = Group("market", 10, fixed=True)
CANDLES: Final = Group("candles", 10, fixed=True)
TRADES: Final = Group("crix-trades", 10, fixed=True)
TICKER: Final = Group("ticker", 10, fixed=True)
ORDERBOOK: Final = Group("orderbook", 10, fixed=True)
DEFAULT: Final = Group("default", 30, fixed=False)
ORDER: Final = Group("order", 12, fixed=False)
ORDER_TEST: Final = Group("order-test", 8, fixed=False)
CANCEL_ALL: Final = Group("order-cancel-all", 1, fixed=False, seconds=2)
SOCKETS: Final = Group("websocket", 5, fixed=True)
ORIGIN: Final = Group("origin", 1, fixed=True, seconds=10)
MESSAGES: Final = Group("websocket-message", 5, fixed=True)
MINUTE_MESSAGES: Final = Group("websocket-message", 100, fixed=True, seconds=60)


@dataclass(slots=True)
class _Counter:
    """`left` calls as of `at` microseconds; `refused` in a row; shut out until `blocked_until`, `blocks` times."""

    left: float
    at: int
    refused: int = 0
    blocked_until: int = 0
    blocks: int = 0


class Verdict(NamedTuple):
    """Whether a call may go on: its status (200, 429, 418), calls left now, seconds of a block."""

    status: int
    left: int
    seconds: int = 0


class Limits:
    """Counts calls by scope (an address or a key) and group."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str, int], _Counter] = {}
        self._storm_until = 0

    def take(self, scope: str, group: Group, now: int) -> Verdict:
        """Count one call at `now` (microseconds)."""
        counter = self._counters.setdefault((scope, group.name, group.seconds), _Counter(group.calls, now))
        if now < counter.blocked_until:
            return Verdict(418, 0, -(-(counter.blocked_until - now) // US_PER_S))
        self._refill(counter, group, now)
        if counter.left < 1 or now < self._storm_until:
            return self._refuse(counter, now)
        counter.left -= 1
        counter.refused = 0
        return Verdict(200, int(counter.left))

    def storm(self, until: int) -> None:
        """Refuse everything until then."""
        self._storm_until = until

    @staticmethod
    def _refill(counter: _Counter, group: Group, now: int) -> None:
        period = group.seconds * US_PER_S
        if group.fixed:
            if now // period != counter.at // period:
                counter.left, counter.at = group.calls, now
            return
        earned = (now - counter.at) / period * group.calls
        counter.left, counter.at = min(group.calls, counter.left + earned), now

    def _refuse(self, counter: _Counter, now: int) -> Verdict:
        counter.refused += 1
        if counter.refused < STUBBORN:
            return Verdict(429, 0)
        seconds = FIRST_BLOCK * 2**counter.blocks // US_PER_S
        counter.blocks += 1
        counter.refused = 0
        counter.blocked_until = now + seconds * US_PER_S
        return Verdict(418, 0, seconds)


def limit_headers(group: Group, left: int, *, by_ip: bool) -> list[tuple[str, str]]:
    """What the exchange tells of its limits with every answer."""
    minimum = 300 if group is SOCKETS else group.calls * 60 // group.seconds
    headers = [("remaining-req", f"group={group.name}; min={minimum}; sec={left}")]
    return [*headers, ("limit-by-ip", "Yes")] if by_ip else headers


def limited(verdict: Verdict, *, as_text: bool) -> Answer:
    """The answer to a call over its limit."""
    if verdict.status == 418:  # noqa: PLR2004 (the exchange's own use of the teapot)
        text = f"You have been temporarily blocked for {verdict.seconds} seconds"
        return Answer(418, error_body("rate_limit_exceeded_penalty", text))
    if as_text:
        return Answer(429, b"Too many API requests.", "text/plain; charset=utf-8")
    return Answer(429, error_body("too_many_requests", "요청 수 제한을 초과했습니다."))
