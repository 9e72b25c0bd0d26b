"""A made-up market universe whose minutes follow a common mood, all from one seed.

Thirty KRW markets, and a few BTC and USDT markets whose prices are those of the KRW markets divided by each other.
"""

from typing import Final, NamedTuple

import numpy as np

from actors.sandbox.noise import Flags, Floats, Integers, key_of
from actors.sandbox.prints import UNITS
from actors.sandbox.series import MAX_UNITS, Series, make_series
from actors.sandbox.ticks import grid_at
from domain.errors import ConfigError
from domain.market import DAY, MINUTE
from domain.rules import base_of, default_terms

FIRST_DAY: Final = 20_454 * DAY  # 2026-01-01 00:00 UTC
_HOUR: Final = 60  # minutes
_JUMP: Final = 0.0004  # chance of a jump in a minute
_INSIDE: Final = 4  # points of a minute's path from which its high and low are taken


class Coin(NamedTuple):
    """One made-up market: price in KRW and turnover in KRW a minute to begin with; `beta` is its share of BTC's moves.

    `sigma` is the deviation of its own moves in one minute; `busy` the chance that a usual minute has a trade.
    """

    code: str
    korean: str
    english: str
    price: float
    turnover: float
    beta: float
    sigma: float
    busy: float


UNIVERSE: Final = (
    Coin("BTC", "비트코인", "Bitcoin", 150_000_000, 120e6, 1.0, 0.00010, 1.0),
    Coin("ETH", "이더리움", "Ethereum", 5_200_000, 90e6, 1.1, 0.00035, 1.0),
    Coin("XRP", "리플", "XRP", 3_800, 100e6, 0.9, 0.00050, 1.0),
    Coin("SOL", "솔라나", "Solana", 280_000, 60e6, 1.2, 0.00055, 1.0),
    Coin("DOGE", "도지코인", "Dogecoin", 310, 45e6, 1.1, 0.00060, 1.0),
    Coin("USDT", "테더", "Tether", 1_420, 70e6, 0.0, 0.00008, 1.0),
    Coin("ADA", "에이다", "Cardano", 1_150, 20e6, 1.1, 0.00055, 0.99),
    Coin("TRX", "트론", "TRON", 460, 8e6, 0.5, 0.00040, 0.98),
    Coin("LINK", "체인링크", "Chainlink", 31_000, 12e6, 1.2, 0.00060, 0.98),
    Coin("AVAX", "아발란체", "Avalanche", 42_000, 9e6, 1.2, 0.00065, 0.97),
    Coin("SUI", "수이", "Sui", 4_900, 18e6, 1.3, 0.00070, 0.98),
    Coin("DOT", "폴카닷", "Polkadot", 5_600, 6e6, 1.1, 0.00060, 0.95),
    Coin("BCH", "비트코인캐시", "Bitcoin Cash", 810_000, 7e6, 0.9, 0.00055, 0.95),
    Coin("ETC", "이더리움클래식", "Ethereum Classic", 29_500, 8e6, 1.0, 0.00055, 0.95),
    Coin("XLM", "스텔라루멘", "Stellar Lumens", 540, 9e6, 0.9, 0.00060, 0.96),
    Coin("HBAR", "헤데라", "Hedera", 330, 7e6, 1.0, 0.00070, 0.95),
    Coin("SAND", "샌드박스", "The Sandbox", 390, 4e6, 1.1, 0.00070, 0.90),
    Coin("ATOM", "코스모스", "Cosmos", 6_200, 4e6, 1.0, 0.00060, 0.90),
    Coin("NEAR", "니어프로토콜", "NEAR Protocol", 3_700, 5e6, 1.2, 0.00070, 0.90),
    Coin("APT", "앱토스", "Aptos", 6_900, 5e6, 1.2, 0.00070, 0.90),
    Coin("ARB", "아비트럼", "Arbitrum", 610, 4e6, 1.2, 0.00075, 0.88),
    Coin("SHIB", "시바이누", "Shiba Inu", 0.0171, 9e6, 1.1, 0.00070, 0.92),
    Coin("PEPE", "페페", "PEPE", 0.0138, 10e6, 1.4, 0.00090, 0.92),
    Coin("ENS", "이더리움네임서비스", "ENS", 33_000, 2e6, 1.1, 0.00075, 0.75),
    Coin("WAVES", "웨이브", "Waves", 1_480, 1.5e6, 0.9, 0.00080, 0.70),
    Coin("ZIL", "질리카", "Zilliqa", 15.3, 1.2e6, 1.0, 0.00080, 0.65),
    Coin("ANKR", "앵커", "Ankr", 20.4, 1.5e6, 1.0, 0.00085, 0.65),
    Coin("HIFI", "하이파이", "Hifi Finance", 128, 2.5e6, 0.7, 0.00130, 0.70),
    Coin("MBL", "무비블록", "MovieBloc", 3.92, 0.9e6, 0.8, 0.00100, 0.55),
    Coin("BTT", "비트토렌트", "BitTorrent", 0.00091, 0.8e6, 0.7, 0.00090, 0.50),
)
_COINS: Final = {coin.code: coin for coin in UNIVERSE}


class Cross(NamedTuple):
    """A made-up market quoted in another coin, with its turnover in KRW a minute and how busy it is."""

    quote: str
    base: str
    turnover: float
    busy: float


CROSSES: Final = (
    Cross("BTC", "ETH", 2e6, 0.55),
    Cross("BTC", "XRP", 1.5e6, 0.45),
    Cross("BTC", "SOL", 0.8e6, 0.30),
    Cross("BTC", "DOGE", 0.4e6, 0.20),
    Cross("USDT", "BTC", 3e6, 0.60),
    Cross("USDT", "ETH", 1.5e6, 0.45),
    Cross("USDT", "XRP", 1e6, 0.35),
)
_APART: Final = 0.0004  # deviation of a cross rate from what its two KRW markets say
MARKETS: Final = (
    *(f"KRW-{coin.code}" for coin in UNIVERSE),
    *(f"{cross.quote}-{cross.base}" for cross in CROSSES),
)


def names_of(market: str) -> tuple[str, str]:
    """The Korean and the English name of what a market trades; its code where nobody knows them."""
    coin = _COINS.get(base_of(market))
    return (coin.korean, coin.english) if coin else (market, market)


def synthetic_universe(seed: int, days: int, markets: tuple[str, ...], first_day: int = FIRST_DAY) -> dict[str, Series]:
    """Minutes of `days` days from `first_day` (microseconds UTC) for each market asked for (all there are, if none).

    The same arguments give the same minutes.

    Raises:
        ConfigError: for a market that is not one of them.
    """
    absent = [market for market in markets if market not in MARKETS]
    if absent:
        raise ConfigError(f"no made-up market is called {', '.join(absent)}; there are: {', '.join(MARKETS)}")
    count = days * DAY // MINUTE
    mood = _Mood(seed, count, first_day)
    crosses = {f"{cross.quote}-{cross.base}": cross for cross in CROSSES}
    found = {}
    for market in markets or MARKETS:
        if market in crosses:
            found[market] = _cross(market, crosses[market], mood)
        else:
            found[market] = _minutes(market, _COINS[base_of(market)], mood)
    return found


class _Mood:
    """What all markets share: how wild each minute is, and the moves of BTC; arrays of shape (minutes,)."""

    def __init__(self, seed: int, count: int, first_day: int) -> None:
        self.seed, self.count = seed, count
        rng = self.chance("mood")
        self.first_day = first_day
        self.time: Integers = first_day + MINUTE * np.arange(count, dtype=np.int64)
        self.wild = _clusters(rng, count) * _day_shape(count)
        self.moves = _moves(rng, self.wild, 0.00045)

    def chance(self, name: str) -> np.random.Generator:
        """The random numbers of one market."""
        return np.random.default_rng(key_of(self.seed, name, self.count))


def _clusters(rng: np.random.Generator, count: int) -> Floats:
    """Volatility that stays high or low for hours: a slow and a fast part, around 1."""
    slow = _smooth(rng, count, 8 * _HOUR)
    fast = _smooth(rng, count, _HOUR // 2)
    wild: Floats = np.exp(0.45 * slow + 0.30 * fast - 0.15)
    return wild


def _smooth(rng: np.random.Generator, count: int, length: int) -> Floats:
    """Unit noise whose values stay alike for about `length` minutes, by linear steps between independent points."""
    knots = rng.standard_normal(count // length + 3)
    place = np.arange(count) / length
    return np.interp(place, np.arange(len(knots)), knots)


def _day_shape(count: int) -> Floats:
    """Quiet nights and busy evenings in Korea, with a peak at 00:00 UTC when the exchange's day begins."""
    minute = np.arange(count) % (24 * _HOUR)
    evening = 0.25 * np.sin((minute / (24 * _HOUR) - 0.30) * 2 * np.pi)
    opening = 0.8 * np.exp(-minute / 25.0)
    return 0.9 + evening + opening


def _moves(rng: np.random.Generator, wild: Floats, sigma: float) -> Floats:
    """Log returns a minute: noise, trends that last for hours, dips inside them that come back, and rare jumps."""
    count = len(wild)
    noise = rng.standard_normal(count) * sigma * wild
    trend = _trends(rng, count) * sigma
    dips = _dips(rng, count) * sigma
    jumps = np.where(rng.random(count) < _JUMP, rng.standard_normal(count) * 14 * sigma, 0.0)
    return noise + trend + dips + jumps


def _trends(rng: np.random.Generator, count: int) -> Floats:
    """Drift in deviations a minute: stretches of 4 to 30 hours, up a little more often than down, some without."""
    drift = np.zeros(count)
    at = 0
    while at < count:
        length = int(rng.integers(4 * _HOUR, 30 * _HOUR))
        drift[at : at + length] = rng.choice([0.055, 0.03, 0.0, -0.03, -0.05], p=[0.26, 0.22, 0.2, 0.18, 0.14])
        at += length
    return drift


def _dips(rng: np.random.Generator, count: int) -> Floats:
    """Pullbacks: a fall of 20 to 60 minutes, then most of it won back in the two hours after."""
    path = np.zeros(count)
    at = int(rng.integers(_HOUR, 6 * _HOUR))
    while at < count:
        fall, back = int(rng.integers(20, 60)), int(rng.integers(40, 2 * _HOUR))
        depth = rng.uniform(8, 26)
        path[at : at + fall] -= depth / fall
        path[at + fall : at + fall + back] += depth * rng.uniform(0.5, 1.0) / back
        at += fall + back + int(rng.integers(2 * _HOUR, 9 * _HOUR))
    return path


class _Path(NamedTuple):
    """Logarithms of prices a minute: where each closes, how it moved, how far it swings; arrays of shape (minutes,)."""

    close: Floats
    moves: Floats
    deviation: Floats
    wild: Floats


def _path(rng: np.random.Generator, coin: Coin, mood: _Mood) -> _Path:
    wild = mood.wild * _clusters(rng, mood.count)
    moves = coin.beta * mood.moves + _moves(rng, wild, coin.sigma)
    deviation = np.hypot(coin.sigma, coin.beta * 0.00045) * wild
    return _Path(np.log(coin.price) + np.cumsum(moves), moves, deviation, wild)


def _minutes(market: str, coin: Coin, mood: _Mood) -> Series:
    rng = mood.chance(market)
    path = _path(rng, coin, mood)
    busy = np.clip(coin.busy * (0.6 + 0.5 * path.wild), 0.02, 1.0)
    traded = rng.random(mood.count) < np.where(coin.busy >= 1, 1.0, busy)
    return _series(market, coin.turnover, traded, path, rng, mood)


def _cross(market: str, cross: Cross, mood: _Mood) -> Series:
    """A market whose price is that of one KRW market in another's, and now and then a little off."""
    base, quote = (_path(mood.chance(f"KRW-{code}"), _COINS[code], mood) for code in (cross.base, cross.quote))
    rng = mood.chance(market)
    close = base.close - quote.close + _APART * _smooth(rng, mood.count, 7)
    deviation = np.hypot(base.deviation, quote.deviation) * 0.7
    path = _Path(close, np.diff(close, prepend=close[0]), deviation, base.wild)
    traded = rng.random(mood.count) < np.clip(cross.busy * (0.6 + 0.5 * path.wild), 0.02, 1.0)
    worth = _COINS[cross.quote].price
    return _series(market, cross.turnover / worth, traded, path, rng, mood)


def _series(  # noqa: PLR0913, PLR0917 (a market is made of these)
    market: str, usual: float, traded: Flags, path: _Path, rng: np.random.Generator, mood: _Mood
) -> Series:
    """The minutes that traded; `usual` is what a usual one turns over, in the quote currency."""
    grid = grid_at(market, mood.first_day)
    prices = _candles(rng, path.close, path.moves, path.deviation)
    first, high, low, last = (grid.floor(prices[name][traded]) for name in range(4))
    turnover = usual * np.exp(rng.standard_normal(mood.count) * 0.7) * (0.3 + 0.7 * np.minimum(path.wild, 6.0) ** 1.5)
    turnover *= 1 + np.minimum(np.abs(path.moves) / path.deviation, 8.0) * 0.4
    value = np.maximum(turnover[traded], float(default_terms(market, mood.first_day).min_total_bid) * 1.2)
    # a pump of a tiny coin is cut where 64 bits end
    units = np.rint(np.minimum(value / ((first + last + high + low) / 4) * UNITS, float(MAX_UNITS)))
    return make_series(
        market, mood.seed, mood.time[traded], (first, high, low, last), (units / UNITS, np.full(len(units), np.nan))
    )


def _candles(rng: np.random.Generator, close: Floats, moves: Floats, deviation: Floats) -> tuple[Floats, ...]:
    """Open, high, low, close of every minute from a short path inside it; KRW, not yet on the grid."""
    start = close - moves
    spread = rng.standard_normal((_INSIDE, len(close))) * deviation * 0.45
    share = np.arange(1, _INSIDE + 1)[:, None] / (_INSIDE + 1)
    path = np.vstack((start, start + share * moves + spread, close))
    opens = start + rng.standard_normal(len(close)) * deviation * 0.1
    high, low = np.maximum(path.max(axis=0), opens), np.minimum(path.min(axis=0), opens)
    return tuple(np.exp(column) for column in (opens, high, low, close))
