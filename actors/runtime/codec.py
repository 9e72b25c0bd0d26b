"""Messages and states as msgpack; numpy arrays keep their type and shape."""

import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from domain.errors import StorageError
from domain.message import MESSAGES, Message

T = TypeVar("T")

_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}


def _to_plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be journaled: use numbers, text, Decimal, Structs")


def _from_plain(wanted: Any, plain: Any) -> object:
    if getattr(wanted, "__origin__", wanted) is np.ndarray:
        dtype, shape, data = plain
        return np.frombuffer(data, dtype).reshape(shape).copy()
    raise NotImplementedError(f"{wanted} cannot be read back from the journal")


encode = msgspec.msgpack.Encoder(enc_hook=_to_plain).encode
"""Bytes of any message or state; raises when a field cannot be encoded."""


def decode_message(name: str, payload: bytes) -> Message:
    """Give the message of a record; raises StorageError when its class is unknown or its fields do not fit."""
    decoder = _decoders.get(name)
    try:
        if decoder is None:
            decoder = _decoders[name] = msgspec.msgpack.Decoder(MESSAGES[name], dec_hook=_from_plain)
        message: Message = decoder.decode(payload)
    except KeyError:
        raise StorageError(f"the journal holds a {name}, and no message of this version is called so") from None
    except msgspec.DecodeError as error:
        raise StorageError(f"a journaled {name} does not fit this version's fields: {error}") from error
    return message


def decode_state(wanted: type[T], raw: bytes) -> T:
    """Give the state of a snapshot; raises msgspec.DecodeError when it does not fit the class."""
    return msgspec.msgpack.Decoder(wanted, dec_hook=_from_plain).decode(raw)


def fingerprint(state: object) -> str:
    """Give 16 hex digits that are equal for equal states, whatever the order inside their sets."""
    return hashlib.blake2b(repr(_canonical(state)).encode(), digest_size=8).hexdigest()


def _canonical(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return _to_plain(value)
    if isinstance(value, set | frozenset):
        return sorted(repr(_canonical(one)) for one in value)
    if isinstance(value, dict):
        return [(_canonical(key), _canonical(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [_canonical(one) for one in value]
    names = _field_names(value)
    return value if names is None else (type(value).__name__, [_canonical(getattr(value, name)) for name in names])


def _field_names(value: Any) -> Iterable[str] | None:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if is_dataclass(value):
        return [field.name for field in fields(value)]
    return None
