"""The exchange's rate limits, counted in its own time (upbit-api.md section 4)."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from actors.sandbox.answers import Answer, error_body
from actors.sandbox.faults import Faults
from domain.market import US_PER_S

STUBBORN: Final = 10  # refusals in a row after which a scope is shut out
FIRST_BLOCK_S: Final = 60
MOST_DOUBLINGS: Final = 10
OK: Final = 200
TOO_MANY: Final = 429
BLOCKED: Final = 418


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
    """`left` calls as of `at` microseconds; `refused` in a row."""

    left: float
    at: int
    refused: int = 0


@dataclass(slots=True)
class _Scope:
    """What a block shuts out together: it lasts until `until`, and there were `blocks` of them."""

    until: int = 0
    blocks: int = 0


class Verdict(NamedTuple):
    """Whether a call may go on: its status (200, 429, 418), calls left now, seconds to wait (0: not told)."""

    status: int
    left: int
    seconds: int = 0


class Limits:
    """Counts calls by scope (an address or a pocket) and group; a block shuts out the whole scope."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str, int], _Counter] = {}
        self._scopes: dict[str, _Scope] = {}
        self._storm_until = 0

    def take(self, scope: str, group: Group, now: int) -> Verdict:
        """Count one call at `now` (microseconds)."""
        shut = self._scopes.get(scope)
        if shut is not None and now < shut.until:
            return Verdict(BLOCKED, 0, -(-(shut.until - now) // US_PER_S))
        counter = self._counters.setdefault((scope, group.name, group.seconds), _Counter(group.calls, now))
        self._refill(counter, group, now)
        if counter.left < 1 or now < self._storm_until:
            return self._refuse(scope, counter, now)
        counter.left -= 1
        counter.refused = 0
        return Verdict(OK, int(counter.left))

    def storm(self, until: int) -> None:
        """Refuse everything until then."""
        self._storm_until = until

    def block(self, scope: str, now: int, seconds: int = 0) -> Verdict:
        """Shut a scope out for so many seconds; 0: as long as the exchange would, which doubles each time."""
        shut = self._scopes.setdefault(scope, _Scope())
        seconds = seconds or FIRST_BLOCK_S * 2 ** min(shut.blocks, MOST_DOUBLINGS)
        shut.blocks += 1
        shut.until = now + seconds * US_PER_S
        return Verdict(BLOCKED, 0, seconds)

    @staticmethod
    def _refill(counter: _Counter, group: Group, now: int) -> None:
        period = group.seconds * US_PER_S
        if group.fixed:
            if now // period != counter.at // period:
                counter.left, counter.at = group.calls, now
            return
        earned = (now - counter.at) / period * group.calls
        counter.left, counter.at = min(group.calls, counter.left + earned), now

    def _refuse(self, scope: str, counter: _Counter, now: int) -> Verdict:
        counter.refused += 1
        if counter.refused < STUBBORN:
            return Verdict(TOO_MANY, 0)
        counter.refused = 0
        return self.block(scope, now)


def limit_headers(group: Group, left: int, *, by_ip: bool) -> list[tuple[str, str]]:
    """What the exchange tells of its limits with every answer."""
    minimum = 300 if group is SOCKETS else group.calls * 60 // group.seconds
    headers = [("remaining-req", f"group={group.name}; min={minimum}; sec={left}")]
    return [*headers, ("limit-by-ip", "Yes")] if by_ip else headers


def limited(verdict: Verdict, faults: Faults) -> Answer:
    """The answer to a call over its limit, in the form that `faults` choose (upbit-api.md 13, U2)."""
    if verdict.status == BLOCKED:
        text = "You have been temporarily blocked"
        told = "" if faults.silent_418 else f" for {verdict.seconds} seconds"
        answer = Answer(BLOCKED, error_body("rate_limit_exceeded_penalty", text + told))
    elif faults.text_429:
        answer = Answer(TOO_MANY, b"Too many API requests.", "text/plain; charset=utf-8")
    else:
        answer = Answer(TOO_MANY, error_body("too_many_requests", "요청 수 제한을 초과했습니다."))
    if faults.retry_after:
        answer.headers.append(("retry-after", str(verdict.seconds or 1)))
    return answer
