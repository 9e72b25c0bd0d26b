"""Says how the exchange stands to each market, of all that is heard: flags, tickers, announcements, refusals."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from msgspec.structs import replace

from actors.runtime import Actor, Recovered, Restarted
from domain.config import ListingSettings
from domain.listings import (
    NORMAL,
    Notice,
    Standing,
    Word,
    heard,
    leading,
    next_due,
    refused,
    served,
    severity,
    standing,
    words_of,
)
from domain.message import Message
from domain.messages import (
    AnnouncementSeen,
    ListingChanged,
    ListingsRead,
    ListingStates,
    ListingsWanted,
    MarketRefused,
    MarketServed,
    SessionOpened,
    SettingsChanged,
    StreamChanged,
)
from domain.notices import Names, words_in

PRIVATE = "private"  # the stream that announcements come by


class ListingDue(Message, frozen=True):
    """Own timer: an announced end or pause begins, or a word is too old; `chain` tells it from a stale one."""

    chain: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | ListingsRead
    | AnnouncementSeen
    | MarketRefused
    | MarketServed
    | StreamChanged
    | ListingDue
)


@dataclass(slots=True)
class WarningsState:
    """Every source's last word on every market, and what was made of them.

    `names` has every market of the session and of the readings since; `shown` is each market as it was last told,
    NORMAL ones left out. `due_at` is when time alone changes something, 0 for never.
    """

    settings: ListingSettings = field(default_factory=ListingSettings)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    words: dict[str, dict[str, Word]] = field(default_factory=dict)
    shown: dict[str, Standing] = field(default_factory=dict)
    announced: bool = False
    due_at: int = 0
    chain: int = 0


class Warnings(Actor[WarningsState]):
    """Owns the state of every market at the exchange: NORMAL, CAUTION, WARNING, TERMINATING or HALTED.

    Publishes ListingStates on `listings`, and each ListingChanged, with the notice that caused it, on `transitions`.
    Sends ListingsWanted to listings when an order was refused for its market's state, and after a gap of the stream:
    announcements are never repeated. Blocks on nothing; a restart loses nothing.
    """

    State = WarningsState

    def handle(self, message: Accepted) -> None:  # noqa: C901 (a table of contents has as many lines as messages)
        """Hand each message to its handler, after what time alone has changed."""
        if not isinstance(message, Recovered | Restarted | SessionOpened):
            self._pass()
        match message:
            case ListingsRead():
                self._on_read(message)
            case AnnouncementSeen():
                self._on_announcement(message)
            case MarketRefused():
                self._on_refused(message)
            case MarketServed():
                self._hear([(message.market, served(self.now))])
            case StreamChanged():
                self._on_stream(message)
            case SettingsChanged():
                self._on_settings(message.settings.listings)
            case SessionOpened():
                self._on_opened(message.markets)
            case Recovered() | Restarted():
                self._on_back(started=isinstance(message, Recovered))
            case ListingDue():
                if message.chain == self.state.chain:  # else `_pass` was quicker
                    self._again()
            case _:
                assert_never(message)

    def _on_opened(self, markets: tuple[str, ...]) -> None:
        """Begin with what was heard before of the markets of this session; what ended meanwhile is told now."""
        state = self.state
        state.names = {market: state.names.get(market, ("", "")) for market in markets}
        state.words = {market: words for market, words in state.words.items() if market in state.names}
        state.shown = {market: one for market, one in state.shown.items() if market in state.names}
        self._pass()
        self._tell()

    def _on_read(self, read: ListingsRead) -> None:
        for one in read.listings:
            if one.korean or one.english or one.market not in self.state.names:
                self.state.names[one.market] = (one.korean, one.english)
        self._hear((one.market, word) for one in read.listings for word in words_of(one, read.at))

    def _on_announcement(self, seen: AnnouncementSeen) -> None:
        names = {market: Names(*each) for market, each in self.state.names.items()}
        self._hear(words_in(seen, names, self.state.settings))

    def _on_refused(self, message: MarketRefused) -> None:
        self._hear([(message.market, refused(message.error, self.state.settings, self.now))])
        self.send("listings", ListingsWanted(f"{message.market}: {message.error}"))

    def _on_stream(self, changed: StreamChanged) -> None:
        if changed.stream != PRIVATE or changed.connected == self.state.announced:
            return
        self.state.announced = changed.connected
        if changed.connected:
            self.send("listings", ListingsWanted("announcements may have been missed while the stream was away"))
        self._tell()

    def _on_settings(self, settings: ListingSettings) -> None:
        self.state.settings = settings
        self._renew()

    # --- what follows

    def _hear(self, told: Iterable[tuple[str, Word]]) -> None:
        """Take words in, each by itself, so that every transition has the one notice that caused it."""
        changed = False
        for market, word in told:
            words = self.state.words.get(market, {})
            self.state.words[market] = heard(words, word)
            changed |= self._renewed(market, word.notice)
        self._arm()
        if changed:
            self._tell()

    def _pass(self) -> None:
        """Let time pass: an end that has come, a word that is too old."""
        if self.state.due_at and self.now >= self.state.due_at:
            self._renew()

    def _renew(self) -> None:
        """Judge every market anew."""
        changed = [self._renewed(market, None) for market in self.state.words]
        self._arm()
        if any(changed):
            self._tell()

    def _renewed(self, market: str, cause: Notice | None) -> bool:
        """Judge a market anew and tell of a transition; gives whether anything about it is different.

        Without a cause it was time: then the reason is the word that leads now, or the one that led before.
        """
        words, before = self.state.words.get(market, {}), self.state.shown.get(market)
        found = standing(market, words, self.state.settings, self.now)
        was, until = (before.state, before.until) if before else (NORMAL, None)
        since = before.since if before and found.state == was else self.now
        now = replace(found, since=since)
        if now.state == NORMAL:
            self.state.shown.pop(market, None)
        else:
            self.state.shown[market] = now
        if (now.state, now.until) != (was, until):
            notice = cause or self._reason(words, before, now)
            self.publish("transitions", ListingChanged(market, was, now.state, now.until, notice, self.now))
        return self.state.shown.get(market) != before

    def _reason(self, words: dict[str, Word], before: Standing | None, now: Standing) -> Notice:
        lead = leading(words, self.now)
        if lead is not None and (before is None or severity(now.state) >= severity(before.state)):
            return lead.notice
        text = before.text if before else ""
        return Notice("clock", f"no longer: {text}", self.now)

    def _tell(self) -> None:
        shown = self.state.shown
        states = tuple(shown[market] for market in sorted(shown))
        self.publish("listings", ListingStates(states, self.state.announced, self.now))

    # --- time

    def _on_back(self, *, started: bool) -> None:
        """Mail and timers may have died with the process; its streams did for sure."""
        self.state.announced = self.state.announced and not started
        self._again()
        self._tell()

    def _again(self) -> None:
        """Judge every market anew, and have a new timer."""
        self.state.due_at = 0
        self._renew()

    def _arm(self) -> None:
        """Have a timer for the next time that changes something; one for that time may run already."""
        due = next_due((word for words in self.state.words.values() for word in words.values()), self.now) or 0
        if due == self.state.due_at:
            return
        self.state.due_at = due
        self.state.chain += 1
        if due:
            self.after(due - self.now, ListingDue(self.state.chain))
