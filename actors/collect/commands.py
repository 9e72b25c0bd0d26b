"""The commands of candles, for the command line: `collect` and `candles`."""

import click

from actors.collect.candle_commands import candles_group
from actors.collect.collect_command import collect_command
from actors.collect.tools import OpenTools


def candle_commands(open_tools: OpenTools, upbit: str) -> tuple[click.Command, ...]:
    """Both; `open_tools` opens the candles of a home when one runs, `upbit` is where candles come from."""
    return collect_command(open_tools, upbit), candles_group(open_tools, upbit)
