"""What every family of REST calls shares: the line to the exchange, its clock, and how answers become values."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from actors.runtime import Clock
from actors.upbit.limits import Urgency
from actors.upbit.sign import Keys, Params
from actors.upbit.transport import Transport
from actors.upbit.wire import GARBLED
from domain.errors import BadPayload

T = TypeVar("T")


class Calls:
    """A family of calls over one transport.

    `smp_type` is the self-match rule sent with every order, None leaves it to the exchange's default; `pause` sleeps
    real seconds.
    """

    def __init__(
        self,
        http: Transport,
        clock: Clock,
        *,
        keys: Keys | None,
        smp_type: str | None,
        pause: Callable[[float], object],
    ) -> None:
        self._http = http
        self._clock = clock
        self._keys = keys
        self._smp_type = smp_type
        self._pause = pause

    def _ask(self, path: str, params: Params) -> Any:
        """A signed question."""
        return self._http.get(path, params, "default", Urgency.QUERY, signed=True)


def each(rows: Any, read: Callable[[Any], T]) -> Iterator[T]:
    """The values of a list of rows; raises BadPayload for anything but a list of rows that can be read."""
    if not isinstance(rows, list):
        raise BadPayload(f"expected a list, found {type(rows).__name__}")
    for row in rows:
        yield one(row, read)


def one(row: Any, read: Callable[[Any], T]) -> T:
    """The value of a row; raises BadPayload that says what it lacks or garbles."""
    try:
        return read(row)
    except GARBLED as error:
        raise BadPayload(f"an answer of the exchange lacks or garbles {error!r}: {row!r:.200}") from error


def keys_of(rows: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """The values of rows that name keys: an error shows nothing of them."""
    try:
        return tuple(map(read, rows))
    except (BadPayload, *GARBLED):
        raise BadPayload("the list of keys of the exchange cannot be read") from None
