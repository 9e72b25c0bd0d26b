"""The half of quality that judges candles: what each market tells, and what REST says of it afterwards."""

from decimal import Decimal
from typing import Final

import numpy as np

from actors.belief import Checks, MarketBelief, QualityState
from actors.runtime import Actor
from domain.blocks import MAINTENANCE
from domain.closes import suspects, take
from domain.market import BASE_FRAME, HEARTBEAT, HOUR, MINUTE, US_PER_S, Bar
from domain.messages import CandlesDoubted, CandlesTold, IncidentRaised, MinutesChecked
from domain.money import estimate
from domain.quality import broken, silences
from domain.spans import Span, joined, within

LOOK: Final = 10 * US_PER_S  # and a real second at least: how often what must come is looked for
LATE_REAL_S: Final = 5.0  # real seconds a candle may need, however fast our clock runs


class Judge(Actor[QualityState]):
    """Doubts candles that look wrong, counts those revised, and recognises by its candles that the exchange rests.

    `actors.quality` has the streams and the clocks.
    """

    State = QualityState

    # --- candles

    def _on_candles(self, told: CandlesTold) -> None:
        one = self._of(told.market)
        one.told_until = max(one.told_until, told.until)
        if told.until > self.now - self._late_us():
            self._heal(told.market, "CANDLE_LATE")
        self._count(told.market, told.source, "missing", (told.until - told.since) // MINUTE - len(told.bars))
        if told.state == "final":
            for code in one.answered(told.since, told.until):
                self.state.causes.heal(told.market, code, self.now)
        sound = self._sort_out(told)
        take(one.closes, told.since, told.until, sound)
        for start, move in suspects(one.closes, self.state.settings):
            text = f"{told.source}: the base bar at {start} moved by {move:+.1%}, and the next one back"
            self._doubt(told, "SPIKE", (start, start + BASE_FRAME), text)
        if told.market == HEARTBEAT:
            self._on_heartbeat(told)

    def _sort_out(self, told: CandlesTold) -> list[Bar]:
        """Doubt every candle that cannot be; gives the others."""
        if not told.bars:
            return []
        columns = [
            [estimate(claim) for claim in (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.value)]
            for bar in told.bars
        ]
        table = np.array(columns).T
        wrong = broken(np.array([bar.start for bar in told.bars]), table[:4], table[4:])
        for place in np.flatnonzero(wrong):
            bar = told.bars[place]
            text = f"{told.source}: the candle at {bar.start} cannot be, or stands twice or out of order"
            self._doubt(told, "BROKEN", (bar.start, bar.start + MINUTE), text)
        return [bar for bar, bad in zip(told.bars, wrong, strict=True) if not bad]

    def _doubt(self, told: CandlesTold, code: str, span: Span, text: str) -> None:
        """Have REST asked once more, and block entries until it has answered (quant.md MTF-13)."""
        if self._of(told.market).doubt(code, *span, self.now):
            self._count(told.market, told.source, code.lower(), 1)
            self._hold(told.market, code, text)
            self.send(f"market:{told.market}", CandlesDoubted(told.market, *span, code.lower()))

    def _on_heartbeat(self, told: CandlesTold) -> None:
        """The exchange rests when its busiest market does, and entries go on resting for a while (quant.md MTF-12)."""
        beat, settings = self.state.heartbeat, self.state.settings
        rest = settings.maintenance_rest_minutes * MINUTE
        oldest = self.now - rest - 2 * HOUR
        beat.whole = within(joined((*beat.whole, (told.since, told.until))), oldest, max(self.now, told.until))
        beat.minutes = sorted({*(at for at in beat.minutes if at >= oldest), *(bar.start for bar in told.bars)})
        quiet = silences(beat.whole, beat.minutes, settings.maintenance_minutes * MINUTE)
        if not quiet:
            self.state.causes.heal("", MAINTENANCE, self.now)  # REST has minutes that the stream did not tell
            return
        since, until = quiet[-1]
        text = f"{HEARTBEAT} had no candle for {(until - since) // MINUTE} minutes"
        if until == beat.whole[-1][1]:
            self._hold("", MAINTENANCE, f"{text}, one is expected in every {settings.maintenance_minutes}")
        elif self.now < until + rest:
            self._hold("", MAINTENANCE, text)
            text = f"{text} and trades again: entries rest for {settings.maintenance_rest_minutes} minutes more"
            self.state.causes.heal("", MAINTENANCE, until + rest, text)

    # --- checks

    def _on_checked(self, told: MinutesChecked) -> None:
        for name in ("checked", "revised", "late", "doubled", "disordered", "lost", "given_up"):
            self._count(told.market, "trades", name, getattr(told, name))
        if told.close_moved:
            text = f"a close of {told.since}..{told.until} was off by more than one tick, REST says"
            self._raise("close_revised", told.market, text)
        if told.checked:
            one, at = self._of(told.market), told.until - 1
            one.checks.add(at, told.checked, told.revised)
            self.state.checks.add(at, told.checked, told.revised)
            self._judge_checks(told.market)
            self._judge_checks("")

    def _judge_checks(self, market: str) -> None:
        """Tell a person when too many candles of an hour were revised, and block entries when far too many were."""
        state = self.state
        one = state if not market else self._of(market)
        checks, settings = one.checks, state.settings
        share, text = self._share(checks)
        alert = share > settings.revised_alert
        if alert and not one.alerted:
            self._raise(
                "candles_revised", market or "all markets", f"{text}, from {settings.revised_alert:.1%} on it is told"
            )
        one.alerted = alert
        if share > settings.revised_block and checks.hour(self.now)[1] > 1:  # one candle is no share
            self._hold(market, "REVISED", f"{text}, at most {settings.revised_block:.1%}")
        else:
            self._heal(market, "REVISED")

    def _share(self, checks: Checks) -> tuple[Decimal, str]:
        checked, revised = checks.hour(self.now)
        share = Decimal(revised) / checked if checked else Decimal(0)
        return share, f"trades: REST told {revised} of the last hour's {checked} candles otherwise ({share:.1%})"

    # --- what both halves need

    def _count(self, market: str, source: str, name: str, number: int) -> None:
        if number > 0:
            counts = self.state.counts.setdefault(f"{market} {source}", {})
            counts[name] = counts.get(name, 0) + number

    def _hold(self, market: str, code: str, text: str) -> bool:
        return self.state.causes.hold(market, code, text, self.now)

    def _heal(self, market: str, code: str) -> None:
        """Let the block end once this has been well for long enough; those of one look end together."""
        ends_at = self.now + self.state.settings.healthy_s * US_PER_S
        self.state.causes.heal(market, code, -(-ends_at // LOOK) * LOOK)

    def _raise(self, kind: str, market: str, text: str) -> None:
        self.publish("incidents", IncidentRaised(self.now, kind, market or "all markets", text))

    def _of(self, market: str) -> MarketBelief:
        return self.state.markets.setdefault(market, MarketBelief(self.now))

    def _late_us(self) -> int:
        return max(self.state.settings.late_s * US_PER_S, self._real(LATE_REAL_S))

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)
