"""permessage-deflate of one connection (RFC 7692)."""

import zlib
from typing import Final

from actors.upbit.reader import PROTOCOL_ERROR, TOO_BIG, FrameError

OFFER: Final = "permessage-deflate"
_TAIL: Final = b"\x00\x00\xff\xff"  # ends every message, and is left out on the wire
_RAW: Final = -15  # a window of 32 KiB, which reads whatever smaller one the server packs with
_BAD_DATA: Final = 1007
_WINDOWS: Final = frozenset(str(bits) for bits in range(8, 16))


class Deflate:
    """Packs and unpacks messages, each side's window kept from one message to the next unless it was agreed not to."""

    def __init__(self, *, server_forgets: bool = False, client_forgets: bool = False) -> None:
        self._server_forgets = server_forgets
        self._client_forgets = client_forgets
        self._unpacking = zlib.decompressobj(_RAW)
        self._packing = zlib.compressobj(wbits=_RAW)

    def inflate(self, packed: bytes, limit: int) -> bytes:
        """Unpack a message; raises FrameError when it is no deflate, or grows beyond `limit` bytes."""
        unpacking = self._unpacking
        try:
            data = unpacking.decompress(packed + _TAIL, limit + 1)
        except zlib.error as error:
            raise FrameError(_BAD_DATA, f"a compressed message cannot be unpacked: {error}") from error
        if len(data) > limit:
            raise FrameError(TOO_BIG, f"a compressed message grows beyond our limit of {limit} bytes")
        if self._server_forgets or unpacking.eof:
            self._unpacking = zlib.decompressobj(_RAW)
        return data

    def deflate(self, data: bytes) -> bytes:
        """Pack a message."""
        packed = self._packing.compress(data) + self._packing.flush(zlib.Z_SYNC_FLUSH)
        if self._client_forgets:
            self._packing = zlib.compressobj(wbits=_RAW)
        return packed.removesuffix(_TAIL)


def agreed(answer: str | None, *, offered: bool) -> Deflate | None:
    """What the server's Sec-WebSocket-Extensions header agrees to; raises FrameError for what was not offered."""
    if not answer:
        return None
    name, *told = (part.strip() for part in answer.split(";"))
    if name != OFFER or not offered:
        raise FrameError(PROTOCOL_ERROR, f"the server uses an extension we did not offer: {answer[:100]}")
    parameters = {key.strip(): value.strip().strip('"') for key, _, value in (one.partition("=") for one in told)}
    window = parameters.pop("server_max_window_bits", "15")
    forgets = {key: parameters.pop(f"{key}_no_context_takeover", None) for key in ("server", "client")}
    sound = all(value in {None, ""} for value in forgets.values()) and window in _WINDOWS
    if parameters or not sound or len(told) != len({one.partition("=")[0].strip() for one in told}):
        raise FrameError(PROTOCOL_ERROR, f"the server's compression is none we know: {answer[:100]}")
    return Deflate(server_forgets=forgets["server"] is not None, client_forgets=forgets["client"] is not None)
