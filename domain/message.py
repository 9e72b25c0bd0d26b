"""The base of everything actors say to each other."""

from typing import Any, ClassVar

import msgspec

MESSAGES: dict[str, type["Message"]] = {}
"""Every message class by its name. The journal holds these names, so they are for ever."""


class Value(msgspec.Struct, frozen=True, gc=False):
    """An immutable value of the domain: fields are numbers, text, Decimal, tuples and other values."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """An immutable message. A new field of an existing message needs a default.

    `conflate` names the field by which a newer message replaces an older unread one of the same sender,
    keeping its place in the mailbox; "" means every message counts. A `query` only reads: it is not
    journaled and its handler must not send.
    """

    conflate: ClassVar[str] = ""
    query: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if MESSAGES.setdefault(cls.__name__, cls).__module__ != cls.__module__:
            raise TypeError(f"two messages are called {cls.__name__}: see {cls.__module__}")
        MESSAGES[cls.__name__] = cls
