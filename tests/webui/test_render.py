"""Every template in both languages, with a full, an empty and no model; nothing undefined, nothing unescaped."""

from collections.abc import Callable
from decimal import Decimal as D
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import msgspec
import pytest
from flask import Flask
from jinja2 import UndefinedError

from domain.readmodel import DecisionRow, Lamp, ReadModel, TapeLine, TickerRow
from tests.webui.samples import (
    NOON,
    a_fresh_model,
    a_model,
    a_position,
    a_session,
    a_state,
    an_order,
    halted,
    some_kpis,
)
from webui.app import live_of
from webui.desk import Stage, Ticket
from webui.fragments import EVERYWHERE, FRAGMENTS, Hints, touched
from webui.language import LANGUAGES
from webui.mirror import CONNECTION, SECTIONS, Link, View
from webui.render import Renderer, asset_url
from webui.views.home import PAGE

EVIL = """"><img src=x onerror=alert(1)><script>alert('x')</script>{{ 7*7 }}"""
VOID = {"meta", "link", "input", "img", "br", "hr", "path", "rect", "circle", "use"}

MODELS: dict[str, Callable[[], ReadModel | None]] = {"full": a_model, "fresh": a_fresh_model, "none": lambda: None}


class Tree(HTMLParser):
    """The elements of a document; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.roots = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.roots += not self.open
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(Hints())


def a_view(model: ReadModel | None, link: Link = Link.LIVE) -> View:
    return View(model, link, None if model is None else 3.2)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_one_element_with_one_id_and_replaces_itself(
    renderer: Renderer, name: str, model: str, lang: str
) -> None:
    for link in Link:
        view = a_view(MODELS[model](), link)
        placed, pushed = (renderer.fragment(name, lang, view, push=push) for push in (False, True))
        tree, moved = Tree(placed), Tree(pushed)
        assert tree.roots == moved.roots == 1
        assert moved.elements[0][1].pop("hx-swap-oob") == "outerMorph"
        assert tree.elements == moved.elements
        assert tree.elements[0][1]["id"] == name.replace("_", "-")


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_without_its_inputs_is_an_error(renderer: Renderer, name: str) -> None:
    with pytest.raises(UndefinedError):
        renderer.text(f"partials/{name}.html", "ko", push=False)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_the_head_comment_of_a_fragment_lists_its_inputs(renderer: Renderer, name: str) -> None:
    file = resources.files("webui") / "templates" / "partials" / f"{name}.html"
    head = file.read_text(encoding="utf-8").split("#}")[0]
    for given in renderer.inputs_of(name, a_view(a_model())):
        assert given in head


def test_every_section_the_engine_sends_is_shown_somewhere() -> None:
    for section in (*SECTIONS, CONNECTION):
        assert touched(frozenset({section})), section
    assert touched(frozenset({"orders"})) == ("orders",)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("model", MODELS)
def test_the_page_holds_all_its_fragments_and_every_id_once(renderer: Renderer, model: str, lang: str) -> None:
    page = renderer.page(
        "pages/home.html",
        lang,
        a_view(MODELS[model]()),
        page=PAGE,
        pages=(PAGE,),
        palette="kr",
        csrf="c" * 64,
        boot="b",
    )
    ids = [given["id"] for _, given in Tree(page).elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert {name.replace("_", "-") for name in (*EVERYWHERE, *PAGE.parts)} <= set(ids)


def test_nothing_inline_that_the_policy_would_block(renderer: Renderer) -> None:
    page = renderer.page(
        "pages/home.html", "ko", a_view(a_model()), page=PAGE, pages=(PAGE,), palette="kr", csrf="c", boot="b"
    )
    for tag, given in Tree(page).elements:
        assert "style" not in given
        assert not [name for name in given if name.startswith(("on", "hx-on"))]
        assert tag != "script" or given.get("src")
        assert tag != "style"


def an_evil_model() -> ReadModel:
    evil: dict[str, Any] = {
        "session": a_session(mode=EVIL, venue=EVIL, markets=(EVIL,), version=EVIL),
        "state": a_state(state="HALTED", reason=EVIL, by=EVIL),
        "positions": (a_position(EVIL, state=EVIL, strategy=EVIL),),
        "orders": (an_order(EVIL, market=EVIL, side=EVIL, type=EVIL, stage=EVIL, reason=EVIL),),
        "decisions": (
            DecisionRow(EVIL, NOON, EVIL, EVIL, D(1), ((EVIL, EVIL), ("A.DIP", EVIL))),
            DecisionRow("KRW-A", NOON, "ORDER", EVIL, D(1), ()),
        ),
        "tickers": (TickerRow(EVIL, D(1), 0.1, NOON),),
        "lamps": (Lamp(EVIL, EVIL, EVIL, NOON),),
        "tape": (TapeLine(1, NOON, EVIL, EVIL, EVIL),),
    }
    return a_model(**evil)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", FRAGMENTS)
def test_text_of_the_engine_never_becomes_an_element_or_an_attribute(renderer: Renderer, name: str, lang: str) -> None:
    tree = Tree(renderer.fragment(name, lang, a_view(an_evil_model()), push=True))
    for tag, given in tree.elements:
        assert tag not in {"img", "script"}
        assert not [attribute for attribute in given if attribute.startswith("on") or "<" in attribute]


def test_the_words_of_an_answer_never_become_elements(renderer: Renderer) -> None:
    for stage in set(Stage) - {Stage.OFFERED}:
        ticket = Ticket("token", "stop_all", "mine", stage, 0.0, EVIL)
        for lang in LANGUAGES:
            text = renderer.text("partials/answer.html", lang, ticket=ticket, push=True)
            assert "<img" not in text
            assert EVIL.split("{{", maxsplit=1)[0] not in text
            assert Tree(text).elements[0][1]["id"] == "answer-token"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_dialogs_render_with_and_without_a_model(app: Flask, lang: str) -> None:
    renderer = live_of(app).renderer
    known: dict[str, Any] = {"positions": 2, "exposure": D(5), "orders": 1, "state": halted()}
    for held in (known, dict.fromkeys(known)):
        for gone in (True, False):
            Tree(renderer.text("partials/stop_choose.html", lang, **held, gone=gone))
        for mode in ("keep", "liquidate"):
            for wrong in (True, False):
                Tree(renderer.text("partials/stop_confirm.html", lang, **held, token="t", mode=mode, wrong=wrong))  # noqa: S106
        Tree(renderer.text("partials/resume_confirm.html", lang, **held, token="t"))  # noqa: S106


def test_a_halt_offers_to_resume_and_a_block_that_ends_by_itself_does_not(renderer: Renderer) -> None:
    def status(link: Link, state: str) -> str:
        return renderer.fragment("status", "en", a_view(a_model(state=a_state(state=state, reason="why")), link))

    assert 'id="resume"' in status(Link.LIVE, "HALTED")
    assert 'id="resume"' not in status(Link.LIVE, "REDUCING")
    assert "banner-state" in status(Link.LIVE, "REDUCING")
    assert "banner" not in status(Link.LIVE, "ACTIVE")
    assert 'id="resume"' not in status(Link.GONE, "HALTED")


def test_an_engine_that_is_gone_is_told_with_its_age_and_what_to_run() -> None:
    renderer = Renderer(Hints(start="run me", stop="stop me"))
    text = renderer.fragment("status", "en", View(a_model(), Link.GONE, 300.0))
    assert "run me" in text
    assert "stop me" in text
    assert "5 min" in text
    assert "nothing heard yet" in renderer.fragment("status", "en", View(None, Link.GONE, None))


def test_real_money_does_not_look_like_paper(renderer: Renderer) -> None:
    def badge(mode: str, venue: str) -> str:
        return renderer.fragment("badge", "en", a_view(a_model(session=a_session(mode=mode, venue=venue))))

    assert "badge real" in badge("live", "upbit")
    assert "badge paper" in badge("live", "sandbox")
    assert "badge paper" in badge("paper", "exchange")


def test_a_clock_at_natural_speed_shows_no_factor(renderer: Renderer) -> None:
    assert "\u00d760" in renderer.fragment("badge", "ko", a_view(a_model()))
    assert "\u00d7" not in renderer.fragment("badge", "ko", a_view(a_model(session=a_session(speed=1.0))))


def test_an_equity_that_is_only_a_floor_says_so(renderer: Renderer) -> None:
    floor = a_model(kpis=some_kpis(marked=False))
    assert "≥" in renderer.fragment("kpis", "en", a_view(floor))
    assert "≥" not in renderer.fragment("kpis", "en", a_view(a_model()))


def test_a_decision_shows_all_its_reasons_in_words_and_numbers(renderer: Renderer) -> None:
    text = renderer.fragment("decisions", "en", a_view(a_model()))
    assert "Was not oversold" in text
    assert "lowest RSI 38.2 in 24 bars, needs &lt; 30" in text
    assert "MAX_POSITIONS" in text
    assert "1,250,000 KRW" in text


def test_before_the_first_decision_the_page_says_when_it_comes(renderer: Renderer) -> None:
    model = msgspec.structs.replace(a_fresh_model(), state=a_state(at=NOON + 61_000_000))
    assert "12:05" in renderer.fragment("decisions", "en", a_view(model))


def test_an_asset_has_its_content_in_its_address_and_must_exist() -> None:
    assert asset_url("css/base.css").startswith("/static/css/base.css?v=")
    with pytest.raises(KeyError):
        asset_url("css/none.css")
