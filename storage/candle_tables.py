"""Candles of one market as a table in a file, parquet or CSV: written, and read with every row looked at."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import ConfigError, StorageError
from domain.timeframes import frame_of
from storage.columns import AMOUNTS, PRICES, PROVISIONAL, REVISED, SYNTHETIC, CandleArrays

SUFFIXES: Final = (".parquet", ".csv")
NEEDED: Final = ("time", *PRICES)
_STATES: Final = {SYNTHETIC: "filled", PROVISIONAL: "provisional", REVISED: "revised"}
_SOURCES: Final = ("", "trades", "rest", "imported", "stream")
_ZONE: Final = r"(?:Z|[+-]\d{2}:?\d{2})$"

Bad = NDArray[np.bool_]


def read_table(path: Path, step: int, now: int) -> CandleArrays:
    """The candles of a file, every one closed at `now` and sound (quant.md IND-00); unknown amounts are NaN.

    Raises:
        ConfigError: naming the file, the first bad row and what to do.
    """
    frame = _frame(path)
    if absent := [name for name in NEEDED if name not in frame.columns]:
        raise ConfigError(f"{path} has no column {', '.join(absent)}; expected {', '.join((*NEEDED, *AMOUNTS))}")
    if not len(frame):
        raise ConfigError(f"{path} holds no candle: leave it out")
    rows = _Rows(path)
    times = rows.times(frame["time"])
    known = {name: rows.numbers(frame, name) for name in (*PRICES, *AMOUNTS)}
    rows.require_order(times, step, now)
    rows.require_sound(known)
    return CandleArrays(time=times, **known, flags=np.zeros(len(times), np.uint8))


def write_table(path: Path, bars: CandleArrays, *, filled: NDArray[np.bool_] | None = None) -> None:
    """Write a table whole or not at all; times carry their zone, numbers all their digits; raises StorageError.

    Column `state` tells how sure each candle is, `source` who told it: "" for one of several sources, or a filled one.
    """
    frame = pd.DataFrame({name: getattr(bars, name) for name in (*PRICES, *AMOUNTS)})
    frame.insert(0, "time", pd.to_datetime(bars.time, unit="us", utc=True))
    frame["state"] = np.select([bars.marked(flag) for flag in _STATES], list(_STATES.values()), "final")
    frame["source"] = np.array(_SOURCES)[bars.source]
    if filled is not None:
        frame["filled"] = filled
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        if path.suffix == ".csv":
            frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False, compression="zstd")
        temporary.replace(path)
    except (OSError, pa.ArrowException) as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {_line(error)}") from error


def _frame(path: Path) -> "pd.DataFrame":
    try:
        return pd.read_csv(path, dtype=str) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ConfigError(f"{path} cannot be read: {_line(error)}; get it again") from error


class _Rows:
    """Looks at the rows of one file, and names the first bad one as a person finds it there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def times(self, column: "pd.Series[Any]") -> NDArray[np.int64]:
        """Microseconds UTC; a time without a zone may be nine hours off, and is refused."""
        advice = "write the zone behind each time, +00:00 for UTC or +09:00 for Korea"
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            stamps: Any = column.dt.tz_convert("UTC")
        elif column.dtype == object or pd.api.types.is_string_dtype(column):
            text = column.astype("string").fillna("")
            self._refuse(~text.str.contains(_ZONE, regex=True).to_numpy(bool), "has a time without a zone", advice)
            stamps = pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")
        else:
            raise ConfigError(f"{self._path}: column time is {column.dtype}, expected times with a zone; {advice}")
        self._refuse(stamps.isna().to_numpy(bool), "has no readable time", "correct it, or leave the row out")
        return np.asarray(stamps.dt.as_unit("us").astype("int64"), np.int64)

    def numbers(self, frame: "pd.DataFrame", name: str) -> NDArray[np.float64]:
        """A column as float64; an amount that the file does not have is NaN."""
        if name not in frame.columns:
            return np.full(len(frame), np.nan)
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            found = column.to_numpy(np.float64, na_value=np.nan)
        else:
            found = np.array([_number(text) for text in column.where(column.notna(), "nan")], np.float64)
        self._refuse(np.isinf(found), f"has no number as {name}", "correct it, or leave the row out")
        return found

    def require_order(self, times: NDArray[np.int64], step: int, now: int) -> None:
        """On the grid, ascending, each once, closed, and as close to each other as candles of this length are."""
        name, gaps = frame_of(step), np.diff(times, prepend=times[0] - step)
        advice = f"is it {name}, and is its zone right?"
        self._refuse(times % step != 0, f"does not start on the grid of {name}", advice)
        self._refuse(gaps == 0, "has the time of the row before it", "leave one of them out")
        self._refuse(gaps < 0, "is older than the row before it", "sort the file by time")
        self._refuse((times < 0) | (times + step > now), "is not over yet", f"leave it out; {advice}")
        if len(times) > 2 and gaps[1:].min() > step:  # noqa: PLR2004 (two candles may well be alone)
            raise ConfigError(f"{self._path}: no two candles follow each other at {name}; say which --timeframe it is")

    def require_sound(self, known: dict[str, NDArray[np.float64]]) -> None:
        """Prices above zero and inside low and high, amounts of something; NaN only where an amount is unknown."""
        opened, high, low, close = (known[name] for name in PRICES)
        for name in PRICES:
            self._refuse(~(known[name] > 0), f"has no price as {name}", "correct it, or leave the row out")
        outside = (low > np.minimum(opened, close)) | (high < np.maximum(opened, close))
        self._refuse(outside, "has prices outside of its low and high", "it is not the exchange's candle")
        self._refuse(known["volume"] <= 0, "has no volume", "leave out filled rows: nothing traded there")
        self._refuse(known["value"] < 0, "has a value below zero", "it is not the exchange's candle")

    def _refuse(self, bad: Bad, what: str, advice: str) -> None:
        if bad.any():
            row = int(bad.argmax())
            where = f"line {row + 2}" if self._path.suffix == ".csv" else f"row {row}"
            raise ConfigError(f"{self._path}: {where} {what}; {advice}")


def _number(text: Any) -> float:
    """A number to its last digit; infinity for what is none, as it is refused like that."""
    try:
        return np.inf if "_" in str(text) else float(text)  # Python would read 1_000
    except (TypeError, ValueError):
        return np.inf


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
