"""Outside the exchange's own names: how the sandbox is doing, its exact books, and its faults, for tests and people."""

from dataclasses import asdict
from typing import Any

import msgspec

from actors.sandbox.answers import Answer, Refused, Request, no_route, told
from actors.sandbox.faults import with_faults
from actors.sandbox.order_wire import order_row
from actors.sandbox.world import World
from domain.errors import ConfigError
from domain.money import plain

_decoder = msgspec.json.Decoder(dict[str, float])


class Control:
    """Answers under /_sandbox/."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        """GET status, books or faults; POST faults as {"name": value}."""
        match request.method, request.path:
            case "GET", "/_sandbox/status":
                return told(self._status())
            case "GET", "/_sandbox/books":
                return told(self._books())
            case "GET", "/_sandbox/faults":
                return told(asdict(self._world.mischief.faults))
            case "POST", "/_sandbox/faults":
                return self._change(request)
            case _:
                return no_route()

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
            "sockets": len(world.watcher.listeners) if world.watcher else 0,
            "open_orders": len(exchange.orders),
            "closed_orders": len(exchange.closed),
            "since_start": asdict(world.counts),
        }

    def _books(self) -> dict[str, Any]:
        desk = self._world.desk
        exchange = desk.exchange
        orders = [*exchange.closed.values(), *exchange.orders.values()]
        fills = [fill for order in orders for fill in order.fills]
        return {
            "now": self._world.now,
            "balances": {
                name: {"free": plain(held.free), "locked": plain(held.locked)}
                for name, held in exchange.balances.items()
            },
            "orders": [
                order_row(order, exchange, desk.state.smp_types.get(order.order_id, ""), trades=True)
                for order in orders
            ],
            "fills": [
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
                for fill in fills
            ],
        }

    def _change(self, request: Request) -> Answer:
        mischief = self._world.mischief
        try:
            mischief.faults = with_faults(mischief.faults, _decoder.decode(request.body))
        except (msgspec.DecodeError, ConfigError) as error:
            raise Refused(400, "bad_request", str(error)) from error
        self._world.desk.keep_past_us = int(mischief.faults.accounts_lag_ms * 1000)
        return told(asdict(mischief.faults))
