"""What is known of the quality of the data. Times are int microseconds UTC."""

from domain.message import Message


class MinutesChecked(Message, frozen=True):
    """Market to quality (topic `checks`): the minutes of [since, until) were compared with the exchange's.

    `checked` counts the candles that either side has, `revised` those of them the exchange told otherwise than we saw
    them; `close_moved` says that a close among them was off by more than one tick. The rest counts since the last such
    message: of trades, `late` came for a closed minute, `doubled` came twice, `disordered` came with an older time or
    number than one before; of candles, `lost` have more in them than we ever saw; of minutes, `given_up` could not be
    checked for hours. `waiting` minutes are still to be checked.
    """

    market: str
    since: int
    until: int
    checked: int
    revised: int
    close_moved: bool = False
    late: int = 0
    doubled: int = 0
    disordered: int = 0
    lost: int = 0
    given_up: int = 0
    waiting: int = 0
