"""The page at /_sandbox/: accounts, markets and faults as they are now. Plain HTML that loads itself anew."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from html import escape
from typing import Final

from actors.sandbox.accounts import Pocket
from actors.sandbox.choices import Choices
from actors.sandbox.order_wire import kst
from actors.sandbox.world import World
from domain.matching import Working
from domain.money import plain
from domain.orders import Fill

LAST_FILLS: Final = 20
_EVERY_S: Final = 3
_HEAD: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox exchange</title>
<meta http-equiv="refresh" content="{_EVERY_S}">
<style>body{{font:14px sans-serif;margin:1.5em}}table{{border-collapse:collapse;margin:0 0 1.5em}}
th,td{{border:1px solid #bbb;padding:.2em .6em;text-align:right}}
th,td:first-child{{text-align:left}}</style></head><body>
"""


def page(world: World, pockets: tuple[Pocket, ...]) -> str:
    """All of it as one HTML text; every value is escaped."""
    parts = [_HEAD, f"<h1>Sandbox exchange</h1><p>{escape(kst(world.now))}, speed {world.clock.speed:g}</p>"]
    for pocket in pockets:
        parts.append(f"<h2>Pocket {escape(pocket.name)} of {escape(pocket.member)}</h2>")
        parts.extend(_account(world, pocket.name))
    parts.append("<h2>Markets</h2>")
    parts.append(_table("market,best bid,best ask,listing", _markets(world)))
    parts.append("<h2>Faults in force</h2>")
    parts.append(_table("fault,value", ((name, f"{value:g}") for name, value in _faults(world).items())))
    parts.append("<h2>Choices that differ from the usual</h2>")
    parts.append(_table("choice,value", _chosen(world.choices)))
    return "".join((*parts, "</body></html>\n"))


def _account(world: World, name: str) -> Iterable[str]:
    exchange = world.desk.exchange
    balances = exchange.accounts[name].balances
    rows = ((code, plain(held.free), plain(held.locked)) for code, held in balances.items())
    yield _table("currency,free,locked", rows)
    mine = [order for order in exchange.orders.values() if order.account == name]
    yield _table("open order,market,side,price,left,locked,identifier", (_order(order) for order in mine))
    ended = [order for order in exchange.closed.values() if order.account == name]
    fills = sorted((fill for order in (*ended, *mine) for fill in order.fills), key=lambda fill: fill.at)
    yield _table("last fills,market,side,price,volume,fee,at", (_fill(fill) for fill in fills[: -LAST_FILLS - 1 : -1]))


def _order(order: Working) -> tuple[str, ...]:
    wish, price = order.request, "" if order.price is None else plain(order.price)
    left = plain(order.left if wish.funds is None else order.funds_left)
    return order.order_id, wish.market, wish.side.value, price, left, plain(order.locked), wish.identifier


def _fill(fill: Fill) -> tuple[str, ...]:
    numbers = (plain(fill.price), plain(fill.volume), plain(fill.fee))
    return fill.trade_id, fill.market, fill.side.value, *numbers, kst(fill.at)


def _markets(world: World) -> Iterable[tuple[str, ...]]:
    for name, live in world.markets.items():
        book, listing = live.book.book(), world.listings[name]
        best = (plain(side[0].price) if side else "" for side in (book.bids, book.asks))
        yield name, *best, f"{listing.state}{', offline' if listing.offline else ''}"


def _faults(world: World) -> dict[str, float]:
    """Faults that are not as they are by default."""
    faults = world.mischief.faults
    usual = asdict(type(faults)())
    return {name: value for name, value in asdict(faults).items() if value != usual[name]}


def _chosen(choices: Choices) -> Iterable[tuple[str, str]]:
    usual = Choices()
    for item in fields(Choices):
        if getattr(choices, item.name) != getattr(usual, item.name):
            yield item.name, getattr(choices, item.name)


def _table(head: str, rows: Iterable[Iterable[str]]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head.split(","))
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{names}</tr>{body}</table>"
