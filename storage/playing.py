"""Lays the candles of our own store out as the folder of files that the sandbox plays."""

from pathlib import Path

import pandas as pd

from domain.errors import ConfigError
from storage.candles import CandleStore

COLUMNS = ("open", "high", "low", "close", "volume", "value")


def playable(folder: Path, scratch: Path) -> Path:
    """A folder of `<MARKET>.parquet` files for these candles: the folder itself, or `scratch` filled from our store.

    Our own store is recognised by its `<MARKET>/<year>.h5` files. Filled bars are left out: nothing traded there.
    Raises ConfigError when the store holds no bar at all, StorageError when one of its files is damaged.
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
        bars = bars.picked(bars.real)
        if len(bars):
            frame = pd.DataFrame({name: getattr(bars, name) for name in COLUMNS})
            frame.insert(0, "time", pd.to_datetime(bars.time, unit="us", utc=True))
            frame.to_parquet(scratch / f"{market}.parquet", index=False)
            written += 1
    if not written:
        raise ConfigError(f"the candle store {folder} holds no bar in which anything was traded: collect some first")
    return scratch
