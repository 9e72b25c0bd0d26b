"""The fold behind the dashboard: what each event shows, and what it must not show."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from actors.board import EQUITY_KEPT, PRICE_STALE_US, TAPE_KEPT, Board
from domain.blocks import Block
from domain.config import Settings
from domain.decisions import Decision, Gate, Levels
from domain.messages import (
    BooksWanted,
    DataBlocked,
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    GapFilled,
    GuardAlive,
    IncidentRaised,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    ReconcileFinished,
    RiskTripped,
    SettingsChanged,
    SourceChanged,
    StreamChanged,
    StreamMeasured,
    TickerSeen,
    TradingStateChanged,
)
from domain.readmodel import EquityPoint, Session
from tests.actors.stage import BTC, T0, a_fill

ETH = "KRW-ETH"
ZERO = D(0)


@pytest.fixture
def board() -> Board:
    return Board(Session("paper", "sandbox", 1.0, T0, (BTC, ETH), "1"), ())


def measured(**more) -> EquityMeasured:
    plain = EquityMeasured(T0, D(9_000_000), D(10_000_000), D(1_000_000), D(10_000_000), ZERO, D(500), ZERO, True)
    return replace(plain, **more)


def position(market=BTC, volume="10", state="OPEN") -> PositionChanged:
    levels = Levels(D(97_000), D(102_000), D(104_000), D(101_000))
    cost = D(volume) * 100_000
    return PositionChanged(market, D(volume), D(100_000), cost, state, "A", levels, T0, ZERO, "")


def order(stage: str, identifier="abcd-e1", executed="0") -> OrderChanged:
    one = D(1)
    return OrderChanged(
        "e1", identifier, BTC, "buy", "limit", stage, one, one, None, D(executed), ZERO, "ENTRY", "A", T0, T0, "", "why"
    )


def test_before_the_first_valuation_there_are_no_figures(board):
    assert board.kpis() is None
    assert board.snapshot().kpis is None


def test_every_event_counts_even_one_that_shows_nothing(board):
    assert board.apply(BooksWanted(1)) == set()
    assert board.seq == 1


@pytest.mark.parametrize(
    ("message", "sections"),
    [
        (TickerSeen(BTC, D(1), T0), {"tickers"}),
        (measured(), {"kpis", "equity"}),
        (measured(marked=False), {"kpis"}),
        (position(), {"positions", "kpis"}),
        (order("live"), {"orders"}),
        (order("done", executed="1"), {"orders"}),
        (order("refused"), {"orders", "tape"}),
        (FillBooked(a_fill(), "e1", "ENTRY", "A"), {"tape"}),
        (DecisionsMade(T0, ()), {"decisions"}),
        (TradingStateChanged("ACTIVE", "", "", T0), {"state", "tape"}),
        (RiskTripped(T0, "DAY_LOSS", "account", "3 %"), {"tape"}),
        (StreamChanged("public", True, "connected", T0), {"lamps", "tape"}),
        (SourceChanged("public", "rest", (BTC,), "silent", T0), {"lamps", "tape"}),
        (GapFilled("public", "gone", T0, T0 + 5, (BTC,), 3, (), T0), {"tape"}),
        (StreamMeasured("public", True, (("trade", 0.2),), (), (), (), T0), {"lamps"}),
        (ReconcileFinished(T0, True, ()), {"lamps"}),
        (GuardAlive(T0, ()), {"lamps"}),
        (IncidentRaised(T0, "crash", "risk", "why"), {"tape"}),
        (SettingsChanged(Settings(), "", ""), {"kpis"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_names_the_sections_it_changed(board, message, sections):
    assert board.apply(message) == sections
    for name in sections - {"tape", "equity"}:
        assert board.section(name) == getattr(board.snapshot(), name)


def test_there_is_no_section_of_another_name(board):
    assert board.section("session").markets == (BTC, ETH)
    with pytest.raises(KeyError):
        board.section("tape")


def test_a_price_of_a_held_market_moves_the_figures_of_another_does_not(board):
    board.apply(position())
    assert board.apply(TickerSeen(BTC, D(1), T0)) == {"tickers", "positions", "kpis"}
    assert board.apply(TickerSeen(ETH, D(1), T0)) == {"tickers"}


def test_a_change_is_since_the_first_price_of_the_session(board):
    for price in (100, 90, 105):
        board.apply(TickerSeen(BTC, D(price), T0))
    (row,) = board.snapshot().tickers
    assert (row.price, row.change) == (105, pytest.approx(0.05))


def test_coins_without_a_position_count_as_last_measured(board):
    board.apply(measured(equity=D(12_000_000)))  # 2,000,000 KRW of coins nobody trades
    board.apply(position())
    board.apply(TickerSeen(BTC, D(90_000), T0))
    assert board.kpis().equity == 9_000_000 + 2_000_000 + 900_000


def test_the_account_is_valued_at_the_last_prices_between_two_measurements(board):
    for message in (SettingsChanged(Settings(), "", ""), measured(), position(), TickerSeen(BTC, D(110_000), T0 + 5)):
        board.apply(message)
    kpis = board.kpis()
    assert (kpis.cash, kpis.exposure, kpis.equity) == (9_000_000, 1_100_000, 10_100_000)
    assert (kpis.unrealised, kpis.at, kpis.marked) == (100_000, T0 + 5, True)
    assert (kpis.position_count, kpis.max_positions, kpis.day_loss_limit) == (1, 2, D("0.03"))


def test_a_position_without_a_price_has_none_and_leaves_the_value_unknown(board):
    board.apply(measured())
    board.apply(position())
    (row,) = board.snapshot().positions
    assert row.price is None
    assert not board.kpis().marked


def test_dust_is_shown_but_is_no_position(board):
    board.apply(measured(exposure=ZERO, equity=D(9_004_000)))
    board.apply(position(volume="0.04", state="DUST"))
    board.apply(TickerSeen(BTC, D(90_000), T0))
    kpis = board.kpis()
    assert (kpis.position_count, kpis.exposure, kpis.unrealised, kpis.equity) == (0, 0, 0, 9_004_000)
    assert [row.state for row in board.snapshot().positions] == ["DUST"]


def test_a_position_that_is_over_is_gone_and_its_profit_on_the_tape(board):
    board.apply(position())
    board.apply(position(volume="0"))
    board.apply(PositionClosed(BTC, "A", T0, T0, D(1), D(1), D(1), D(1), D(-1_234), "STOP"))
    assert board.snapshot().positions == ()
    assert "KRW-BTC closed, STOP: -1,234 KRW" in board.snapshot().tape[0].text


@pytest.mark.parametrize(
    ("stages", "count"),
    [
        (("submitting", "live", "done"), 1),
        (("done",), 1),  # all before was replaced in the mailbox by this
        (("cancelled",), 1),
        (("submitting", "unknown", "absent"), 0),
        (("submitting", "refused"), 0),
        (("expired",), 0),
        (("live", "live", "cancelled", "cancelled"), 1),
    ],
)
def test_orders_count_once_when_the_exchange_had_them(board, stages, count):
    for stage in stages:
        board.apply(order(stage))
    assert board.counts["orders"] == count


def test_open_orders_are_shown_in_the_order_they_came(board):
    for number in (2, 1):
        board.apply(order("live", identifier=f"abcd-e{number}"))
    assert [row.identifier for row in board.snapshot().orders] == ["abcd-e2", "abcd-e1"]


def test_fills_of_before_the_start_are_told_again_and_show_nothing(board):
    assert board.apply(FillBooked(replace(a_fill(1), at=T0 - 1), "e1", "ENTRY", "A")) == set()
    board.apply(FillBooked(a_fill(2), "e1", "ENTRY", "A"))
    assert board.counts["fills"] == len(board.snapshot().tape) == 1


def test_the_newest_decision_of_each_market_stands_with_all_its_reasons(board):
    for at, code in ((T0, "NO_SIGNAL"), (T0 + 1, "HELD")):
        board.apply(DecisionsMade(at, (Decision(BTC, at, code, ZERO, D(1), (Gate(code, "x"), Gate("A.DIP", "y"))),)))
    (row,) = board.snapshot().decisions
    assert (row.code, row.gates) == ("HELD", (("HELD", "x"), ("A.DIP", "y")))
    assert board.counts["decisions"] == 2


def test_a_trading_state_told_again_leaves_no_second_line(board):
    halted = TradingStateChanged("HALTED", "ALL STOP", "me", T0)
    assert board.apply(halted) == {"state", "tape"}
    assert board.apply(replace(halted, at=T0 + 1)) == {"state"}
    assert board.snapshot().state.at == T0 + 1


def test_lamps_tell_what_is_wrong(board):
    board.apply(StreamChanged("public", False, "silent", T0))
    board.apply(ReconcileFinished(T0, False, ("KRW 1", "BTC 2")))
    lamps = {lamp.name: (lamp.state, lamp.text) for lamp in board.snapshot().lamps}
    assert lamps == {"public": ("bad", "silent"), "reconciler": ("warn", "KRW 1; BTC 2")}
    board.apply(ReconcileFinished(T0 + 5, True, ()))
    assert board.green_at == T0 + 5
    board.apply(ReconcileFinished(T0 + 6, False, ("KRW 1",)))
    assert board.green_at == 0


def test_a_stream_rest_stands_in_for_is_shown_as_such_until_it_speaks_again(board):
    board.apply(StreamChanged("public", True, "connected", T0))
    board.apply(SourceChanged("public", "rest", (BTC, ETH), "silent", T0))
    assert (board.lamps["public"].state, board.lamps["public"].text) == (
        "warn",
        f"REST stands in for {BTC}, {ETH}: silent",
    )
    board.apply(SourceChanged("public", "stream", (BTC,), "it speaks again", T0))
    assert board.lamps["public"].state == "ok"


@pytest.mark.parametrize(
    ("measured", "state", "text"),
    [
        (
            StreamMeasured("public", True, (("orderbook", 0.11), ("trade", 2.0)), (), (), (), T0),
            "ok",
            "orderbook 0.1 s, trade 2.0 s",
        ),
        (
            StreamMeasured("public", True, (), (("trade", BTC, 45.2),), (("ticker", ETH),), (BTC,), T0),
            "warn",
            f"no data yet; by REST: {BTC}; late: trade {BTC} 45 s; never heard: ticker {ETH}",
        ),
        (StreamMeasured("public", False, (), (), (), (), T0), "bad", "no data yet"),
        (StreamMeasured("public", False, (), (), (), (BTC,), T0), "warn", f"no data yet; by REST: {BTC}"),
    ],
)
def test_the_lamp_of_the_data_tells_how_fresh_it_is_and_what_is_missing(board, measured, state, text):
    board.apply(measured)
    assert (board.lamps["data"].state, board.lamps["data"].text) == (state, text)


def test_what_blocks_entries_is_on_the_lamp_while_it_lasts_and_on_the_tape_when_it_comes_and_goes(board):
    spike, silent = Block(ETH, "SPIKE", "rest: 14 %", T0), Block("", "STREAM_SILENT", "public: 12 s", T0)
    board.apply(StreamMeasured("public", True, (("trade", 2.0),), (), (), (), T0))
    board.apply(DataBlocked((spike,), T0, (spike,)))
    assert (board.lamps["data"].state, board.lamps["data"].text) == (
        "warn",
        f"trade 2.0 s; no entries: {ETH} SPIKE: rest: 14 %",
    )
    board.apply(DataBlocked((silent,), T0, (silent,), (spike,)))
    board.apply(StreamMeasured("public", True, (("trade", 3.0),), (), (), (), T0))
    assert (board.lamps["data"].state, board.lamps["data"].text) == (
        "bad",
        "trade 3.0 s; no entries: all markets STREAM_SILENT: public: 12 s",
    )
    board.apply(DataBlocked((), T0, (), (silent,)))
    assert board.lamps["data"].state == "ok"
    assert [(line.level, line.code, line.text) for line in board.snapshot().tape] == [
        ("info", "data.free", "over: all markets STREAM_SILENT"),
        ("warn", "data.blocked", f"no entries: all markets STREAM_SILENT: public: 12 s; over: {ETH} SPIKE"),
        ("warn", "data.blocked", f"no entries: {ETH} SPIKE: rest: 14 %"),
    ]


def test_a_set_of_blocks_told_again_is_no_news(board):
    silent = Block("", "STREAM_SILENT", "public: 12 s", T0)
    assert board.apply(DataBlocked((silent,), T0)) == {"lamps"}


def test_a_gap_is_told_with_what_filled_it_and_louder_when_it_stays(board):
    board.apply(GapFilled("public", "gone", T0, T0 + 2_500_000, (BTC, ETH), 7, (), T0))
    board.apply(GapFilled("public", "gone", T0, T0 + 2_500_000, (BTC, ETH), 7, (ETH,), T0))
    stays, filled = board.snapshot().tape
    assert (filled.level, filled.text) == (
        "info",
        "public stream: gap of 2.5 s (gone): 7 trades of 2 markets by REST",
    )
    assert (stays.level, stays.text) == ("error", f"{filled.text}, not filled: {ETH}")


def test_the_guards_lamp_warns_of_a_held_market_without_prices(board):
    board.apply(position())
    late = T0 + PRICE_STALE_US

    def lamp(at: int, seen: int) -> tuple[str, str]:
        board.apply(GuardAlive(at, ((BTC, seen),)))
        return board.lamps["guard"].state, board.lamps["guard"].text

    assert lamp(late, 0) == ("ok", "1 positions watched")
    assert lamp(late + 1, 0) == ("warn", "no price for KRW-BTC")
    assert lamp(late + 1, T0 + 1) == ("ok", "1 positions watched")


def test_tape_and_curve_keep_the_newest(board):
    for number in range(max(TAPE_KEPT, EQUITY_KEPT) + 3):
        board.apply(measured(at=T0 + number))
        board.apply(IncidentRaised(T0 + number, "crash", "risk", ""))
    model = board.snapshot()
    assert (len(model.tape), len(model.equity)) == (TAPE_KEPT, EQUITY_KEPT)
    assert model.tape[0].at == model.equity[-1].at == T0 + EQUITY_KEPT + 2
    assert model.equity[-1] == EquityPoint(T0 + EQUITY_KEPT + 2, D(10_000_000))
