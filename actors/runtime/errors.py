"""What the runtime raises on purpose."""

from domain.errors import TradingError


class ForbiddenAsk(TradingError):
    """Somebody waited for an answer inside a handler, or asked something that is not a query."""


class OutsideTurn(TradingError):
    """`send`, `publish`, `after` or `random` was used outside the actor's own turn, or inside a query."""


class HandlerCrashed(TradingError):
    """The handler of an asked query raised; the question harmed nobody but the one who asked."""


class NoAnswer(TradingError):
    """A query was not answered in time, or its receiver does not exist or has stopped."""


class ReplayDivergence(TradingError):
    """A handler, run again on the journaled message, did not say what the journal says it said."""


class InjectedCrash(TradingError):
    """A planted fault, raised in the middle of a turn by a test, the simulator or `--fault`."""


class ProcessKilled(BaseException):
    """The simulated end of the process; no handler and no runtime code may survive it."""
