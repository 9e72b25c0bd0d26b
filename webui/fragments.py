"""The live parts of the pages: each is one template, one element id, one push, and the sections it is made of."""

from collections.abc import Callable, Mapping

import msgspec

from domain.money import estimate
from domain.readmodel import ReadModel
from webui import figures, shapes
from webui.mirror import ALL_SECTIONS, CONNECTION, View

TAPE_SHOWN = 40

Inputs = Mapping[str, object]


class Hints(msgspec.Struct, frozen=True):
    """The commands a page names when the engine is gone: how to start it, how to stop trading without it ("": none)."""

    start: str = "python run.py paper"
    stop: str = ""


class Fragment(msgspec.Struct, frozen=True):
    """`partials/<name>.html`, pushed when one of `sections` changed; `inputs` gives what its head comment lists."""

    name: str
    sections: frozenset[str]
    inputs: Callable[[View], Inputs]


def _model(pick: Callable[[ReadModel], Inputs], otherwise: Inputs) -> Callable[[View], Inputs]:
    """Inputs from the read model, or fixed ones before there is one."""
    return lambda view: otherwise if view.model is None else pick(view.model)


def _badge(view: View) -> Inputs:
    return {"session": None if view.model is None else view.model.session}


def _ticker(view: View) -> Inputs:
    if view.model is None:
        return {"tickers": ()}
    return {"tickers": figures.watched_first(view.model.tickers, (row.market for row in view.model.positions))}


def _clock(view: View) -> Inputs:
    return {"now": view.now, "speed": 1.0 if view.model is None else view.model.session.speed, "link": view.link}


def _status(view: View) -> Inputs:
    return {
        "link": view.link,
        "age_s": None if view.age_s is None else int(view.age_s),
        "state": None if view.model is None else view.model.state,
    }


def _kpis(model: ReadModel) -> Inputs:
    kpis = model.kpis
    account = None if kpis is None else figures.account(kpis)
    return {"kpis": kpis, "account": account, "spark": shapes.spark_of(model.equity)}


def _equity_point(view: View) -> Inputs:
    nothing: Inputs = {"second": None, "value": None, "drawdown": None}
    if view.model is None or view.model.kpis is None or view.now is None:
        return nothing
    value = estimate(view.model.kpis.equity)
    peak = max([estimate(point.equity) for point in view.model.equity] + [value])
    second = view.now // 1_000_000 // shapes.BUCKET_S * shapes.BUCKET_S
    return {"second": second, "value": value, "drawdown": shapes.drawdown(value, peak)}


def _positions(view: View) -> Inputs:
    return {"positions": () if view.model is None else tuple(figures.position(row) for row in view.model.positions)}


def _orders(view: View) -> Inputs:
    return {"orders": () if view.model is None else tuple(figures.order(row) for row in view.model.orders)}


def _decisions(view: View) -> Inputs:
    rows = () if view.model is None else figures.nearest_first(view.model.decisions)
    return {"verdicts": tuple(figures.verdict(row) for row in rows), "next_close": figures.next_close(view.now)}


def _risk(view: View) -> Inputs:
    kpis = None if view.model is None else view.model.kpis
    return {"kpis": kpis, "account": None if kpis is None else figures.account(kpis)}


def _lamps(view: View) -> Inputs:
    return {"lamps": () if view.model is None else view.model.lamps, "link": view.link}


def _tape(view: View) -> Inputs:
    return {"tape": () if view.model is None else view.model.tape[:TAPE_SHOWN]}


def _fragment(name: str, inputs: Callable[[View], Inputs], *sections: str) -> Fragment:
    unknown = set(sections) - ALL_SECTIONS - {CONNECTION}
    if unknown:
        raise ValueError(f"fragment {name} names sections the engine never sends: {sorted(unknown)}")
    return Fragment(name, frozenset(sections), inputs)


FRAGMENTS: dict[str, Fragment] = {
    fragment.name: fragment
    for fragment in (
        _fragment("badge", _badge, "session"),
        _fragment("ticker", _ticker, "tickers", "positions"),
        _fragment("clock", _clock, "kpis", "tickers", "session", CONNECTION),
        _fragment("status", _status, "state", CONNECTION),
        _fragment("kpis", _model(_kpis, {"kpis": None, "account": None, "spark": None}), "kpis", "equity"),
        _fragment("equity_point", _equity_point, "kpis", "equity"),
        _fragment("positions", _positions, "positions"),
        _fragment("orders", _orders, "orders"),
        _fragment("decisions", _decisions, "decisions", "session"),
        _fragment("risk", _risk, "kpis"),
        _fragment("lamps", _lamps, "lamps", CONNECTION),
        _fragment("tape", _tape, "tape"),
    )
}
"""Every live part by its name."""

EVERYWHERE = ("badge", "ticker", "clock", "status")
"""The parts of the frame around each page."""


def touched(sections: frozenset[str]) -> tuple[str, ...]:
    """The names of the fragments made of any of these sections."""
    return tuple(name for name, fragment in FRAGMENTS.items() if fragment.sections & sections)
