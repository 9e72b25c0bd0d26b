"""Kept connections to one host that know whether a request was written whole, and how much of an answer is too much.

A request that was not handed over to its last byte cannot have been worked on: that is the difference between *not
sent* and *no answer*. `requests` does not tell it, so the connections of its adapter are ours.
"""

import http.client
import io
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

POOL: Final = 8  # connections kept; more may be open at once
IDLE_MAX_S: Final = 20.0  # servers hang up after 60 s and more: who writes just then cannot know whether it was read
CHUNK: Final = 65_536
ANSWER_MAX: Final = 32 * 1_048_576  # bytes, unpacked; the longest honest answer is below 2 MB
OK: Final = 200
BAD_REQUEST: Final = 400
GZIP: Final = 16 + zlib.MAX_WBITS
written = threading.local()


class LineBroken(Exception):
    """No whole answer came; `sent` says whether the request was written whole."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


class _Unfit(HTTPError):
    """An answer that is not taken: too long, too slow, or cut off inside its packing."""


class _Bounded(io.RawIOBase):
    """The bytes of an answer, none of them after the time of the call: each may come in time, and all of them never."""

    def __init__(self, raw: io.RawIOBase, until: float) -> None:
        self._raw = raw
        self._until = until

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what comes; raises _Unfit when the time is over."""
        if time.monotonic() >= self._until:
            raise _Unfit("an answer that takes too long")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Give the socket back."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose head is bounded in time like its body."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), written.until))


class _Counting:
    """The half of a connection that notes, for its thread, that a request was written whole, and how long it idles."""

    response_class: Any = _Answer
    _used_at = 0.0

    def request(self, *args: Any, **more: Any) -> None:
        """Write a request."""
        super().request(*args, **more)  # type: ignore[misc]  # a mixin: the connection stands behind it
        written.whole = True
        self._used_at = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether it may be used again: nobody hung up, and it was not left alone for long."""
        fresh = time.monotonic() - self._used_at < IDLE_MAX_S
        return fresh and bool(super().is_connected)  # type: ignore[misc]  # see above


class PlainConnection(_Counting, HTTPConnection):
    """A connection without encryption: the sandbox's."""


class TlsConnection(_Counting, HTTPSConnection):
    """A connection with encryption."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class _Adapter(HTTPAdapter):
    """The adapter of requests, over our connections; it never repeats anything."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Build the pools."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


@dataclass(frozen=True, slots=True)
class Patience:
    """Real seconds: to connect, of silence while waiting for more of the answer, and for the whole call."""

    connect_s: float
    silence_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, unpacked; header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """Calls one host over kept connections. Safe for any number of threads. It follows no proxy, cookie or redirect."""

    def __init__(self) -> None:
        self._adapter = _Adapter(pool_maxsize=POOL, max_retries=0)

    def call(self, request: requests.PreparedRequest, patience: Patience) -> Reply:
        """Send once and give the answer; raises LineBroken when none came whole and readable.

        Of an error the status tells enough: one whose body broke comes with an empty one.
        """
        written.whole = False
        written.until = time.monotonic() + patience.total_s
        try:
            answer = self._adapter.send(
                request,
                stream=True,
                timeout=(min(patience.connect_s, patience.total_s), min(patience.silence_s, patience.total_s)),
            )
            body = _body(cast("HTTPResponse", answer.raw), needed=answer.status_code < BAD_REQUEST)
        except (requests.RequestException, HTTPError, OSError, zlib.error) as error:
            raise LineBroken(_reason(error), sent=written.whole) from error
        return Reply(answer.status_code, answer.headers, body)

    def close(self) -> None:
        """Close the connections nobody uses; the others end with their call."""
        self._adapter.close()


def _body(raw: HTTPResponse, *, needed: bool) -> bytes:
    """Read an answer to its end, within its size; anything else ends the connection."""
    if raw.status < OK:  # something on the way passed an interim word on: the answer itself may come later
        raw.close()
        return b""
    try:
        body = b"".join(_parts(raw))
    except (HTTPError, OSError, zlib.error):
        raw.close()
        if needed:
            raise
        return b""
    raw.release_conn()
    return body


def _parts(raw: HTTPResponse) -> Iterator[bytes]:
    packed = raw.headers.get("Content-Encoding", "").lower() == "gzip"
    unpack = zlib.decompressobj(GZIP) if packed else None
    size = 0
    while data := raw.read1(CHUNK, decode_content=False):
        part = unpack.decompress(data, ANSWER_MAX + 1 - size) if unpack else data
        size += len(part)
        if size > ANSWER_MAX:
            raise _Unfit(f"an answer of more than {ANSWER_MAX} bytes")
        yield part
    if unpack and size and not unpack.eof:
        raise _Unfit("a packed answer without its end")


def _reason(error: Exception) -> str:
    """Name what broke: the innermost class alone, because the libraries' texts hold addresses and headers."""
    if isinstance(error, _Unfit):
        return str(error)
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    return type(cause if isinstance(cause, Exception) else error).__name__
