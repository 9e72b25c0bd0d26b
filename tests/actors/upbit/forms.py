"""Turns a frame of the DEFAULT format into the other three, spelling every number as it was, and reads frames."""

import re

import msgspec

from actors.upbit.fields import ANSWER, SHORT, SHORT_PARTS, kind_of
from actors.upbit.frames import TickerFrame, read_all


def simple(raw: bytes) -> bytes:
    """The same frame in short names: names are replaced where they stand, so each number keeps its digits."""
    row = msgspec.json.Decoder(float_hook=str).decode(raw)
    table = ANSWER if "method" in row else SHORT.get(kind_of(row.get("type")), {})
    names = {long: short for short, long in table.items()}
    for part, inner in SHORT_PARTS.items():
        if part in row:
            names |= {long: short for short, long in inner.items()}

    def renamed(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return b'"' + names.get(name, name).encode() + b'":'

    return re.sub(rb'"(\w+)":', renamed, raw)


def listed(raw: bytes) -> bytes:
    """The same frame in a list of its own."""
    return b"[" + raw + b"]"


FORMS = {
    "DEFAULT": lambda raw: raw,
    "SIMPLE": simple,
    "JSON_LIST": listed,
    "SIMPLE_LIST": lambda raw: listed(simple(raw)),
}


def one(raw: bytes):
    (frame,) = read_all(raw)
    return frame


def comparable(frame):
    """A frame without the text it came as."""
    if isinstance(frame, TickerFrame):
        return frame.exact(), frame.at, frame.price, frame.change_rate, frame.state, frame.delisting
    return frame
