"""Lays the candles of our own store out as the folder of files that the sandbox plays."""

from pathlib import Path

import pandas as pd

from domain.errors import ConfigError
from storage.candles import CandleStore

COLUMNS = ("open", "high", "low", "close", "volume", "value")


def playable(folder: Path, scratch: Path) -> Path:
    """A folder of `<MARKET>.parquet` files for these candles: the folder itself, or `scratch` filled from our store.

    Our own store is recognised by its `<MARKET>/<year>.h5` files.
    Raises ConfigError when the store holds no minute at all. A damaged file is left out, and said so in the log.
    """
    if not any(folder.glob("*/*.h5")):
        return folder
    store = CandleStore(folder, read_only=True)
    scratch.mkdir(parents=True, exist_ok=True)
    for old in scratch.glob("*.parquet"):
        old.unlink()
    written = 0
    for market in store.markets():
        bars = store.load(market)
        if len(bars):
            frame = pd.DataFrame({name: getattr(bars, name) for name in COLUMNS})
            frame.insert(0, "time", pd.to_datetime(bars.time, unit="us", utc=True))
            frame.to_parquet(scratch / f"{market}.parquet", index=False)
            written += 1
    if not written:
        raise ConfigError(f"the candle store {folder} holds no minute candle: collect some first")
    return scratch
