"""Tells every socket what it asked for: snapshots at once, then what happens, in order and only once it is durable."""

import msgspec

from actors.sandbox.frames import Format
from actors.sandbox.inputs import Outcome
from actors.sandbox.listing import Announcement
from actors.sandbox.live import LiveMarket
from actors.sandbox.numerals import plain
from actors.sandbox.prints import Print
from actors.sandbox.private_feed import PrivateFeed, check_demand
from actors.sandbox.public_feed import PublicFeed
from actors.sandbox.seats import Listener
from actors.sandbox.streams import Demand
from actors.sandbox.world import World


class Hub:
    """Knows who listens to what. Runs on the world's thread only."""

    def __init__(self, world: World) -> None:
        self.listeners: dict[Listener, None] = {}
        self._public = PublicFeed(world, self.listeners)
        self._private = PrivateFeed(world, self.listeners)
        world.watcher = self

    # --- listeners ---------------------------------------------------------------------------------------------------

    def join(self, listener: Listener) -> None:
        """A socket opened."""
        self.listeners[listener] = None

    def leave(self, listener: Listener) -> None:
        """A socket closed."""
        self.listeners.pop(listener, None)
        self._public.reseat()

    def demand(self, listener: Listener, demand: Demand) -> None:
        """A request replaces everything the socket had asked for; a list only tells what that is.

        Raises BadFrame when the socket may not have it.
        """
        check_demand(listener, demand)
        if demand.form is not None:
            listener.form = demand.form
        if demand.lists:
            listener.push(_listed(listener, demand.ticket))
            listener.flush()
            return
        if demand.form is None:
            listener.form = Format()
        listener.demand = demand
        self._public.reseat()
        for wish in demand.wishes:
            if not wish.only_realtime:
                self._public.snapshots(listener, wish)
        listener.flush()

    # --- what happens ------------------------------------------------------------------------------------------------

    def turning(self, live: LiveMarket, at: int) -> None:
        """The next trade of this market comes at this time."""
        self._public.turning(live, at)

    def printed(self, live: LiveMarket, trade: Print) -> None:
        """A public trade."""
        self._public.printed(live, trade)

    def quoted(self, live: LiveMarket) -> None:
        """A recorded book."""
        self._public.quoted(live)

    def announced(self, one: Announcement) -> None:
        """A notice of the exchange."""
        self._public.announced(one)

    def happened(self, events: Outcome) -> None:
        """Orders, fills, ends and balances of the accounts."""
        self._private.happened(events)

    def flush(self, now: int) -> None:
        """Send everything that has happened."""
        self._public.flush(now)
        self._private.flush(now)
        for listener in tuple(self.listeners):
            listener.flush()


def _listed(listener: Listener, ticket: str) -> bytes:
    """What a socket is subscribed to."""
    short = listener.form.short
    rows = []
    for wish in listener.demand.wishes if listener.demand else ():
        row: dict[str, object] = {"ty" if short else "type": wish.kind}
        if wish.codes:
            row["cds" if short else "codes"] = list(wish.codes)
        if wish.kind == "orderbook":
            row["lv" if short else "level"] = msgspec.Raw(plain(wish.level).encode())
        rows.append(row)
    names = ("mthd", "rslt", "tckt") if short else ("method", "result", "ticket")
    return msgspec.json.encode(dict(zip(names, ("LIST_SUBSCRIPTIONS", rows, ticket), strict=True)))
