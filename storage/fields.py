"""Column types that SQLite cannot spoil: exact decimals, microseconds, typed JSON."""

import functools
from decimal import Decimal
from typing import Any

import msgspec
from peewee import Field

from domain.errors import StorageError


class ExactField(Field):
    """A Decimal kept as text, digit for digit. Text order is not number order: compare and add up in Python.

    peewee's own DecimalField becomes a REAL in SQLite and loses every digit past about the sixteenth.
    """

    field_type = "TEXT"

    def db_value(self, value: Decimal | None) -> str | None:
        """Write plain digits, never an exponent; raises StorageError for anything but a finite Decimal or None."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise StorageError(f"column {self.name} takes a finite Decimal, found {type(value).__name__} {value!r}")
        return format(value, "f")

    def python_value(self, value: str | None) -> Decimal | None:
        """Read back exactly what was written; raises StorageError when the column holds anything else."""
        if value is None:
            return None
        try:
            return Decimal(value)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise StorageError(f"column {self.name} holds {value!r}, which is no decimal number") from error


class TimeField(Field):
    """A time in int microseconds UTC."""

    field_type = "BIGINT"

    def db_value(self, value: int | None) -> int | None:
        """Write the integer; raises StorageError for anything but an int or None."""
        if value is not None and type(value) is not int:
            raise StorageError(f"column {self.name} takes int microseconds, found {type(value).__name__} {value!r}")
        return value


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


class JsonField(Field):
    """A value of one type as JSON text; decimals inside are text, so they come back exactly."""

    field_type = "TEXT"

    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__(**options)
        self._kind = kind  # peewee copies the fields of a table that others inherit, and a decoder cannot be copied

    def db_value(self, value: object) -> str | None:
        """Write JSON; None stays NULL."""
        return None if value is None else msgspec.json.encode(value).decode()

    def python_value(self, value: str | None) -> Any:
        """Read the typed value back; raises StorageError when the text does not fit the type."""
        if value is None:
            return None
        try:
            return _decoder(self._kind).decode(value)
        except msgspec.DecodeError as error:
            raise StorageError(f"column {self.name} holds {value[:80]!r}, which does not fit: {error}") from error
