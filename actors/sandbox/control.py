"""Outside the exchange's own names: how the sandbox is doing, its exact books, and what is done to it from outside."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, TypeAlias

import msgspec

from actors.sandbox.accounts import Pocket
from actors.sandbox.answers import Answer, Refused, Request, no_route, told
from actors.sandbox.choices import VALUES, with_choices
from actors.sandbox.fault_desk import FaultDesk
from actors.sandbox.guard import check_local
from actors.sandbox.order_wire import order_row
from actors.sandbox.outside import Outside, named_pocket
from actors.sandbox.page import page
from actors.sandbox.world import World
from domain.errors import ConfigError
from domain.matching import Working
from domain.money import plain

_texts: Final = msgspec.json.Decoder(dict[str, str])
_Handler: TypeAlias = Callable[[Request], Answer]


class Control:
    """Answers under /_sandbox/."""

    def __init__(self, world: World, pockets: tuple[Pocket, ...], desk: FaultDesk) -> None:
        self._world, self._pockets, self._desk = world, pockets, desk
        outside = Outside(world, pockets)
        self._table: dict[tuple[str, str], _Handler] = {
            ("GET", ""): self._page,
            ("GET", "status"): lambda _: told(self._status()),
            ("GET", "books"): self._books,
            ("GET", "choices"): lambda _: told({"now": asdict(world.choices), "possible": VALUES}),
            ("POST", "choices"): self._change_choices,
            ("POST", "deposit"): outside.deposit,
            ("POST", "withdraw"): outside.withdraw,
            ("POST", "airdrop"): outside.airdrop,
            ("POST", "trade"): outside.trade,
        }

    def answer(self, request: Request) -> Answer:
        """The page, status, books and choices, and the fault desk; POST changes choices, balances or trades by hand."""
        check_local(request)
        if (answer := self._desk.answer(request)) is not None:
            return answer
        handler = self._table.get((request.method, request.path.removeprefix("/_sandbox/")))
        return no_route() if handler is None else handler(request)

    def _page(self, request: Request) -> Answer:  # noqa: ARG002 (every handler is given its request)
        return Answer(200, page(self._world, self._pockets).encode(), "text/html; charset=utf-8")

    def _status(self) -> dict[str, Any]:
        world = self._world
        exchange = world.desk.exchange
        return {
            "now": world.now,
            "clock": world.clock.now(),
            "speed": world.clock.speed,
            "lag_s": round(world.lag_s, 3),
            "ended": world.player.next_at() is None,
            "end": world.player.end,
            "markets": list(world.markets),
            "pockets": [pocket.name for pocket in self._pockets],
            "sockets": len(world.watcher.listeners) if world.watcher else 0,
            "open_orders": len(exchange.orders),
            "closed_orders": len(exchange.closed),
            "since_start": asdict(world.counts),
        }

    def _books(self, request: Request) -> Answer:
        """The books of one pocket, the first when none is named, to the last digit."""
        exchange = self._world.desk.exchange
        pocket = named_pocket(self._pockets, request.get("pocket")).name
        orders = [each for each in (*exchange.closed.values(), *exchange.orders.values()) if each.account == pocket]
        return told(
            {
                "now": self._world.now,
                "pocket": pocket,
                "balances": {
                    name: {"free": plain(held.free), "locked": plain(held.locked)}
                    for name, held in exchange.accounts[pocket].balances.items()
                },
                "orders": [order_row(order, self._world.choices, trades=True) for order in orders],
                "fills": [row for order in orders for row in _fills(order)],
            }
        )

    def _change_choices(self, request: Request) -> Answer:
        try:
            self._world.choose(with_choices(self._world.choices, _texts.decode(request.body)))
        except (msgspec.DecodeError, ConfigError) as error:
            raise Refused(400, "bad_request", str(error)) from error
        return told(asdict(self._world.choices))


def _fills(order: Working) -> list[dict[str, Any]]:
    return [
        {
            "trade_id": fill.trade_id,
            "order_id": fill.order_id,
            "market": fill.market,
            "side": fill.side.value,
            "price": plain(fill.price),
            "volume": plain(fill.volume),
            "funds": plain(fill.funds),
            "fee": plain(fill.fee),
            "at": fill.at,
        }
        for fill in order.fills
    ]
