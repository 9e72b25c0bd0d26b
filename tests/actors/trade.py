"""A portfolio on a stage, and what it takes to bring it into a position and out of it again."""

from decimal import Decimal as D

from actors.portfolio import Portfolio
from domain.config import Settings
from domain.decisions import Evaluation, Gate, Intent
from domain.market import BASE_FRAME, US_PER_S
from domain.messages import (
    DecisionsMade,
    ExitTriggered,
    FillBooked,
    LedgerCorrected,
    MarketEvaluated,
    OrderFinished,
    OrderIntended,
    SettingsChanged,
    TradingStateChanged,
    UniverseChanged,
)
from domain.orders import Fill
from tests.actors.stage import BTC, T0, Stage, session, terms

ETH = "KRW-ETH"
PRICE = D(150_000_000)
ATR = D(2_400_000)


def evaluation(  # noqa: PLR0913 (what a market can say)
    market=BTC, *, bar=1, signal=False, close=PRICE, spike=False, up=True, value=1
):
    intents = (Intent("A", market, 1.0, ATR, ()),) if signal else ()
    return MarketEvaluated(
        Evaluation(
            market=market,
            at=T0 + bar * BASE_FRAME,
            close=close,
            real=True,
            value_24h=D(value),
            atr=ATR,
            trend_up_1h=up,
            trend_up_4h=True,
            spike=spike,
            features=(),
            intents=intents,
            gates=() if signal else (Gate("A.RECLAIM", "not yet"),),
        )
    )


def opened(currency="KRW", amount="10000000", *, opening=True):
    return LedgerCorrected(currency, D(amount), D(100), "opening balance", opening, T0)


def a_portfolio() -> Stage:
    """A portfolio of two markets with 10,000,000 KRW that may trade."""
    stage = Stage(Portfolio, "portfolio").tell(session(BTC, ETH)).tell(SettingsChanged(Settings(), "test", ""))
    stage.tell(UniverseChanged((BTC, ETH))).tell(terms()).tell(terms(ETH)).tell(opened())
    return stage.tell(TradingStateChanged("ACTIVE", "", "", T0))


def decided(stage: Stage, *evaluations: MarketEvaluated) -> list:
    for one in evaluations:
        stage.tell(one)
    (made,) = stage.on("decisions", DecisionsMade)
    return list(made.decisions)


def entry(stage: Stage, bar: int = 1):
    """An ORDER decision for BTC; gives the intent."""
    decided(stage, evaluation(ETH, bar=bar), evaluation(bar=bar, signal=True))
    return stage.to("risk", OrderIntended)[0].intent


def booked(intent, number: int, volume: str, price=PRICE) -> FillBooked:
    at = T0 + BASE_FRAME + US_PER_S
    funds = price * D(volume)
    one = Fill(f"t{number}", "o", "i", intent.market, intent.side, price, D(volume), funds, funds * D("0.0005"), at)
    return FillBooked(one, intent.intent_id, intent.reason, "A")


def fill(stage: Stage, intent, number: int, volume: str, price=PRICE) -> Stage:
    return stage.tell(booked(intent, number, volume, price), "gateway")


def finished(stage: Stage, intent, executed: str, stage_name: str = "done", fills=()) -> Stage:
    return stage.tell(OrderFinished(intent.intent_id, intent.market, stage_name, D(executed), "why", fills), "gateway")


def a_holding(volume: str = "0.006") -> Stage:
    """One position in BTC."""
    portfolio = a_portfolio()
    intent = entry(portfolio)
    fill(portfolio, intent, 1, volume)
    return finished(portfolio, intent, volume)


def sale(stage: Stage, reason="STOP", price=D(146_000_000)):
    """A trigger of the guard; gives the intent of the sale."""
    stage.tell(ExitTriggered(BTC, reason, price, stage.now), "guard")
    (intended,) = stage.to("risk", OrderIntended)
    return intended.intent


def first_target(stage: Stage) -> Stage:
    """Half of a holding is sold at the first target."""
    intent = sale(stage, "TP1", D(154_000_000))
    fill(stage, intent, 2, "0.003", D(154_000_000))
    return finished(stage, intent, "0.003")


def orders(stage: Stage) -> list[tuple[str, D]]:
    """Reason and volume of what the last turn wanted of risk."""
    return [(one.intent.reason, one.intent.volume) for one in stage.to("risk", OrderIntended)]
