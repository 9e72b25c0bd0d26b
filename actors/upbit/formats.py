"""Makes structs that read a frame's fields by the names of one of the exchange's formats."""

import typing
from decimal import Decimal
from typing import Any

import msgspec

from actors.upbit import fields


def struct_in(
    base: type[msgspec.Struct], kind: str, *, short: bool, part: str = "", number: type[float | Decimal] = float
) -> type[msgspec.Struct]:
    """A `base` that reads long or short names of a type of frame, which it knows by its tag, or of a part of one.

    `number` takes the place of float in its fields.
    """
    shorts = (fields.SHORT_PARTS[part] if part else fields.SHORT[fields.kind_of(kind)]) if short else {}
    names = {name: shorter for shorter, name in shorts.items()}
    named: list[tuple[str, Any, Any]] = []
    for each in msgspec.structs.fields(base):
        held: Any = number if each.type is float else each.type
        if each.encode_name in fields.SHORT_PARTS:
            (inner,) = typing.get_args(held)
            held = list[struct_in(inner, kind, short=short, part=each.encode_name)]  # type: ignore[misc] # just made
        name = names.get(each.encode_name, each.encode_name)
        named.append((each.name, held, msgspec.field(name=name, default=each.default)))
    tag_field = "ty" if short else "type"
    return msgspec.defstruct(
        base.__name__,
        named,
        bases=(base,),
        frozen=base.__struct_config__.frozen,
        gc=False,
        tag_field=None if part else tag_field,
        tag=None if part else kind,
    )
