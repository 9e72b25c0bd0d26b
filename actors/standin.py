"""REST in place of a stream: it fills what a stream missed, and takes over while a stream is silent."""

import logging
import threading
import time
from collections.abc import Iterable
from typing import Final

from actors.gaps import Gaps
from actors.lookout import Lookout, Outlets, Patience, TradeClient
from actors.tape import HELD_MAX, Tape
from domain.errors import ExchangeError
from domain.market import HOUR, US_PER_S, Trade

log = logging.getLogger(__name__)

LONGEST_GAP: Final = HOUR  # trades older than this, and than what the stream tells, are left to the candles
OVERLAP: Final = 2 * US_PER_S  # trades may come late: REST is asked from this long before the newest one known
JOIN_S: Final = 5.0


class StandIn:
    """Works on a thread of its own from `start` to `stop`; the methods between are called with the lock held."""

    def __init__(
        self, client: TradeClient, tapes: dict[str, Tape], lock: threading.Lock, out: Outlets, patience: Patience
    ) -> None:
        self._client = client
        self._tapes = tapes
        self._lock = lock
        self._out = out
        self._patience = patience
        self._gaps = Gaps(out.say, out.now)
        self._lookout = Lookout(client, patience.confirm_s)
        self._connected = False
        self._turned_at = time.monotonic()  # when it last connected or was lost
        self._looked = self._measured = self._failed_at = 0.0
        self._failures = 0
        self._leaving: set[str] = set()
        self._work = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed-standin", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        for tape in self._tapes.values():
            tape.looked = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a call under way."""
        self._ending.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    # --- what is watched

    def join(self, market: str) -> None:
        """A market is watched from now on: its tape is there."""
        self._leaving.discard(market)
        self._tapes[market].looked = time.monotonic()

    def leave(self, markets: Iterable[str]) -> None:
        """These are watched no more: their tapes go with the next round, when no call about them is under way."""
        self._leaving.update(markets)
        self._work.set()

    def _let_go(self) -> None:
        for market in sorted(self._leaving):
            del self._tapes[market]
            self._lookout.settle(market)
            self._gaps.hand_back(market)
        if self._leaving:
            self._leaving.clear()
            self._close_gap()

    # --- what the stream does

    def connected(self) -> None:
        """The stream is up: each market behind catches up with its first trade."""
        self._connected, self._turned_at = True, time.monotonic()
        self._work.set()

    def lost(self, reason: str) -> None:
        """The stream is down: every market falls behind."""
        self._connected, self._turned_at = False, time.monotonic()
        known = [tape for tape in self._tapes.values() if tape.last_at]
        if known:
            self._gaps.open(reason, max(tape.last_at for tape in known))
        for tape in known:
            tape.fall_behind()
        self._work.set()

    def heard(self, market: str, at: int, *, was_behind: bool) -> None:
        """A market that was behind, or is owed an end, spoke of a trade of that time."""
        tape = self._tapes[market]
        if tape.held:
            if len(tape.held) > HELD_MAX or time.monotonic() - tape.held_at > self._patience.hold_s:
                self._give_up(market)
        elif tape.behind:  # a double
            return
        elif was_behind:
            self._whole_again(market)
        elif tape.owed <= at:  # frames of one socket come in order
            self._pay(market, tape.owed)
        self._work.set()

    def must_wait(self, market: str, end: int) -> bool:
        """Whether the end of an interval is told later, by `end`, because trades of it may be missing now."""
        tape, now = self._tapes[market], time.monotonic()
        passed = tape.last_at >= end  # frames of one socket come in order
        if not tape.behind and (passed or now - (tape.rhythm.last or 0.0) <= self._patience.settle_s):
            tape.owed = 0
            return False
        tape.owed = end
        self._work.set()
        return True

    # --- its thread

    def _run(self) -> None:
        while not self._ending.is_set():
            self._work.clear()
            try:
                self._round(time.monotonic())
            except Exception:  # a bug of ours on a thread nobody watches: the stream itself goes on
                log.exception("the feed's stand-in failed")
                self._ending.wait(self._patience.look_s)
            self._work.wait(self._patience.look_s)

    def _round(self, now: float) -> None:
        """Fill what waits, then look at REST for what is silent."""
        patience = self._patience
        with self._lock:
            self._let_go()
            waiting = sorted((tape.held_at, market) for market, tape in self._tapes.items() if tape.held)
        for _, market in waiting:
            rested_s = time.monotonic() - max(self._failed_at, self._tapes[market].lagged)
            if not self._ending.is_set() and rested_s >= patience.look_s:
                self._fill(market, 0)
        turning = now - self._turned_at < patience.confirm_s  # a moment for the stream to come back, and for snapshots
        with self._lock:
            missing = {market for market, tape in self._tapes.items() if tape.owed or (tape.behind and not turning)}
            late = {market for market, tape in self._tapes.items() if tape.is_overdue(now, patience.quiet_s)}
        missing |= self._lookout.doubts.keys()
        silent = sorted(missing | late)
        pause_s = patience.look_s if missing else patience.calm_s
        if silent and now - self._looked >= pause_s and not self._ending.is_set():
            self._looked = now
            self._look(silent)
        if now - self._measured >= patience.measure_s:
            self._measured = now
            self._out.measure(self._gaps.on_rest)

    def _look(self, markets: list[str]) -> None:
        """Ask REST for the newest trade of each: what is newer than ours is missing."""
        asked = time.monotonic()
        with self._lock:
            owed = {market: self._tapes[market].owed for market in markets}
        try:
            newest = self._lookout.newest(markets)
        except ExchangeError as error:
            self._failed(f"a look at {len(markets)} silent markets", error)
            with self._lock:
                self._trust(markets, owed, asked)
            return
        self._failures = 0
        for market in markets:
            if self._is_missing(market, newest.get(market, 0), owed[market], asked):
                self._fill(market, newest[market])

    def _is_missing(self, market: str, newest: int, owed: int, asked: float) -> bool:
        """Whether trades are missing for certain; a market without any has caught up."""
        with self._lock:
            tape = self._tapes[market]
            tape.looked = asked
            if newest <= (tape.last_at or tape.began_at):
                self._lookout.settle(market)
                self._caught_up(market, owed, asked)
                return False
            if not tape.behind:
                if not self._lookout.is_certain(market, newest, tape.last_at, asked):
                    return False
                self._gaps.open("silent", tape.last_at or tape.began_at)
                tape.fall_behind()
                self._out.heal(market)
            tape.lacks = True
            return True

    def _caught_up(self, market: str, owed: int, asked: float) -> None:
        """REST shows nothing newer: what is owed is true, and after a while a new connection has missed nothing."""
        tape = self._tapes[market]
        if tape.held or tape.lacks:  # REST itself is behind
            return
        self._pay(market, owed)
        snapshot_over = self._connected and asked - self._turned_at >= self._patience.snapshot_s
        if tape.behind and snapshot_over and not self._gaps.stands_in(market):
            tape.behind = False
            self._whole_again(market)

    def _trust(self, markets: list[str], owed: dict[str, int], asked: float) -> None:
        """REST does not answer: while the stream tells of other markets, one that is merely quiet is believed."""
        heard = max(tape.rhythm.last or 0.0 for tape in self._tapes.values())
        if not self._connected or asked - heard > self._patience.calm_s:
            return
        for market in markets:
            tape = self._tapes[market]
            if not tape.behind and market not in self._lookout.doubts:
                tape.looked = asked
                self._pay(market, owed[market])

    def _fill(self, market: str, newest: int) -> None:
        """Ask REST for what is missing, and let it go on before what the stream has told since."""
        with self._lock:
            tape = self._tapes[market]
            owed, last = tape.owed, tape.last_at or tape.began_at
            until = max(self._out.now(), newest, last, *(trade.at for trade in tape.held)) + 1
            since = max(last, min((until - LONGEST_GAP, *(trade.at for trade in tape.held))))
        try:
            trades = self._client.trade_range(market, since - OVERLAP, until)
        except (ExchangeError, ValueError) as error:  # the latter for what is too long ago
            self._failed(f"the gap of {market}", error)
            with self._lock:
                self._hold_on(market)
            return
        with self._lock:
            if not tape.is_reached(trades, newest):
                self._hold_on(market)
                return
            if tape.behind and since > last:
                self._lose(market)
            if tape.behind:  # it may have been given up meanwhile
                self._go_on(market, trades)
            self._pay(market, owed)

    def _hold_on(self, market: str) -> None:
        """REST cannot tell what is missing, or not yet: go on holding what the stream told, but not for ever."""
        tape = self._tapes[market]
        tape.lagged = now = time.monotonic()
        if tape.held and now - tape.held_at > self._patience.hold_s:
            self._give_up(market)

    def _failed(self, what: str, error: Exception) -> None:
        """Log the first, second, fourth, eighth … failure in a row, and give REST a moment."""
        self._failed_at = time.monotonic()
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            log.warning("REST cannot stand in count=%d for=%s error=%s", self._failures, what, error)

    def _go_on(self, market: str, trades: tuple[Trade, ...]) -> None:
        tape = self._tapes[market]
        held = {trade.sequential_id for trade in tape.held}
        found = tape.fill(trades)
        self._out.go_on(market, found)
        self._gaps.count(market, sum(trade.sequential_id not in held for trade in found))
        if tape.behind:
            self._gaps.take_over(market)
        else:
            self._whole_again(market)

    def _pay(self, market: str, owed: int) -> None:
        """Tell an end that was owed when REST was asked: all its trades have gone on."""
        tape = self._tapes[market]
        if owed and tape.owed:
            self._out.end(market, owed)
        if tape.owed <= owed:
            tape.owed = 0

    def _give_up(self, market: str) -> None:
        """Go on with a hole in the tape."""
        self._lose(market)
        self._out.go_on(market, self._tapes[market].give_up())
        self._whole_again(market)

    def _lose(self, market: str) -> None:
        """Trades will never be told: the market loads its candles anew."""
        log.error("gap stays unfilled, candles are loaded anew market=%s", market)
        self._gaps.give_up(market)
        self._out.repair(market)

    def _whole_again(self, market: str) -> None:
        """The stream tells a market's trades again, without a hole; after the last one the gap is over."""
        self._pay(market, self._tapes[market].owed)
        self._gaps.hand_back(market)
        self._close_gap()

    def _close_gap(self) -> None:
        if not any(tape.behind for tape in self._tapes.values()):
            self._gaps.close(max((tape.last_at for tape in self._tapes.values()), default=0))
