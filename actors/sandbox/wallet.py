"""The private REST side: balances, order policy, keys, deposits, withdrawals and the state of wallets."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from actors.sandbox.answers import Answer, Refused, Request, bad_parameter, told
from actors.sandbox.inputs import Flow
from actors.sandbox.order_wire import kst
from actors.sandbox.parameters import count, market_of, ordered
from actors.sandbox.world import World
from domain.market import MINUTE, Terms
from domain.matching import Holding
from domain.money import plain
from domain.rules import base_of, quote_of

MAX_FLOWS: Final = 100
ARRIVED: Final = "ACCEPTED"
LEFT: Final = "DONE"
_DEPOSIT_STATES: Final = frozenset(
    {"PROCESSING", ARRIVED, "CANCELLED", "REJECTED", "TRAVEL_RULE_SUSPECTED", "REFUNDING", "REFUNDED"}
)
_WITHDRAW_STATES: Final = frozenset({"WAITING", "PROCESSING", LEFT, "FAILED", "CANCELLED", "REJECTED"})
_BLOCK: Final = 900_000  # height of every chain when the exchange's clock began, at one block a minute


class Wallet:
    """Tells what the caller's pocket holds, and what came and went."""

    def __init__(self, world: World) -> None:
        self._world = world

    def api_keys(self, request: Request) -> Answer:
        """GET /v1/api_keys: those of the caller's pocket."""
        keys = request.signer.pocket.keys
        return told([{"access_key": key.access_key, "expire_at": kst(key.expires_at)} for key in keys])

    def accounts(self, request: Request) -> Answer:
        """GET /v1/accounts."""
        lag = int(self._world.mischief.faults.accounts_lag_ms * 1000)
        return told(self.balances(request.signer.pocket.name, self._world.now - lag if lag else None))

    def balances(self, pocket: str, at: int | None = None) -> list[dict[str, Any]]:
        """The rows of a pocket, as it stood at a time that is not long ago."""
        desk, shows_all = self._world.desk, self._world.choices.zero_balances == "show"
        balances = desk.exchange.accounts[pocket].balances if at is None else desk.balances(pocket, at)
        return [
            account_row(name, held)
            for name, held in balances.items()
            if shows_all or name == "KRW" or held.free or held.locked
        ]

    def chance(self, request: Request) -> Answer:
        """GET /v1/orders/chance."""
        market = market_of(request)
        if market is None:
            raise bad_parameter()
        exchange, listing = self._world.desk.exchange, self._world.listings.get(market)
        terms = exchange.terms.get(market)
        if terms is None or (listing is not None and listing.state == "DELISTED"):
            raise Refused(400, "notfoundmarket", f"다음 마켓에 없는 종목입니다: {market}")
        return told(chance_row(terms, exchange.accounts[request.signer.pocket.name].balances))

    def deposits(self, request: Request) -> Answer:
        """GET /v1/deposits."""
        return self._listed(request, "deposit", _DEPOSIT_STATES, ARRIVED)

    def deposit(self, request: Request) -> Answer:
        """GET /v1/deposit."""
        return self._single(request, "deposit")

    def withdraws(self, request: Request) -> Answer:
        """GET /v1/withdraws."""
        return self._listed(request, "withdraw", _WITHDRAW_STATES, LEFT)

    def withdraw(self, request: Request) -> Answer:
        """GET /v1/withdraw."""
        return self._single(request, "withdraw")

    def status(self, request: Request) -> Answer:  # noqa: ARG002 (every handler is given its request)
        """GET /v1/status/wallet: every wallet works."""
        minutes = self._world.now // MINUTE
        updated = datetime.fromtimestamp(minutes * 60, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
        coins = dict.fromkeys(base_of(market) for market in self._world.markets)
        return told(
            [
                {
                    "currency": coin,
                    "wallet_state": "working",
                    "block_state": "normal",
                    "block_height": _BLOCK + minutes % _BLOCK,
                    "block_updated_at": updated,
                    "block_elapsed_minutes": 0,
                    "net_type": coin,
                    "network_name": coin,
                }
                for coin in coins
            ]
        )

    def _listed(self, request: Request, kind: str, states: frozenset[str], only: str) -> Answer:
        state, uuids, txids = request.get("state"), request.every("uuids"), request.every("txids")
        if state is not None and state not in states:
            raise bad_parameter()
        flows = self._flows(request, kind) if state in {None, only} else []
        if uuids:
            flows = [flow for flow in flows if flow.id in uuids]
        if txids:
            flows = [flow for flow in flows if txid(flow) in txids]
        rows = ordered(_between(flows, request.get("from"), request.get("to")), lambda flow: flow.at, request)
        limit = count(request, "limit", MAX_FLOWS, MAX_FLOWS)
        first = (count(request, "page", 1) - 1) * limit
        return told([flow_row(flow) for flow in rows[first : first + limit]])

    def _single(self, request: Request, kind: str) -> Answer:
        """By uuid or txid; the newest when neither is given."""
        uuid, transaction = request.get("uuid"), request.get("txid")
        found = [
            flow for flow in self._flows(request, kind) if uuid in {None, flow.id} and transaction in {None, txid(flow)}
        ]
        if not found:
            raise Refused(404, f"{kind}_not_found", "입출금 내역을 찾지 못했습니다.")
        return told(flow_row(found[-1]))

    def _flows(self, request: Request, kind: str) -> list[Flow]:
        """What came or went in the caller's pocket, oldest first. Airdrops are no deposits: nothing tells of them."""
        pocket, currency = request.signer.pocket.name, request.get("currency")
        return [
            flow
            for flow in self._world.desk.state.flows
            if flow.kind == kind and flow.account == pocket and currency in {None, flow.currency}
        ]


def account_row(currency: str, held: Holding) -> dict[str, Any]:
    """One currency as the exchange tells it."""
    return {
        "currency": currency,
        "balance": plain(held.free),
        "locked": plain(held.locked),
        "avg_buy_price": plain(held.average_price.quantize(Decimal("1e-8"))),
        "avg_buy_price_modified": currency == "KRW",
        "unit_currency": held.unit,
    }


def chance_row(terms: Terms, balances: dict[str, Holding]) -> dict[str, Any]:
    """What an account may do in a market, and what it costs."""
    quote, base = quote_of(terms.market), base_of(terms.market)
    both = ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc"]
    return {
        "bid_fee": plain(terms.bid_fee),
        "ask_fee": plain(terms.ask_fee),
        "maker_bid_fee": plain(terms.bid_fee),
        "maker_ask_fee": plain(terms.ask_fee),
        "market": {
            "id": terms.market,
            "name": f"{base}/{quote}",
            "order_types": ["limit"],
            "order_sides": ["ask", "bid"],
            "bid_types": [*both, "price"],
            "ask_types": [*both, "market"],
            "bid": {"currency": quote, "min_total": plain(terms.min_total_bid)},
            "ask": {"currency": base, "min_total": plain(terms.min_total_ask)},
            "max_total": plain(terms.max_total),
            "state": terms.state,
        },
        "bid_account": account_row(quote, balances.get(quote, Holding())),
        "ask_account": account_row(base, balances.get(base, Holding())),
    }


def flow_row(flow: Flow) -> dict[str, Any]:
    """A deposit or a withdrawal as the exchange tells it."""
    row: dict[str, Any] = {
        "type": flow.kind,
        "uuid": flow.id,
        "currency": flow.currency,
        "net_type": None if flow.currency == "KRW" else flow.currency,
        "txid": txid(flow),
        "state": ARRIVED if flow.kind == "deposit" else LEFT,
        "created_at": kst(flow.at),
        "done_at": kst(flow.at),
        "amount": plain(flow.amount),
        "fee": "0",
        "transaction_type": "default",
    }
    return row if flow.kind == "deposit" else row | {"is_cancelable": False}


def txid(flow: Flow) -> str:
    """The transaction of a flow: the one it was made with, or else one of its own."""
    return flow.identifier or f"tx-{flow.id}"


def _between(flows: list[Flow], after: str | None, before: str | None) -> list[Flow]:
    """Those after the flow with one id and before that with another; an id that none has cuts nothing."""
    first = _place(flows, after)
    end = _place(flows, before)
    return flows[0 if first is None else first + 1 : end]


def _place(flows: Iterable[Flow], wanted: str | None) -> int | None:
    return next((place for place, flow in enumerate(flows) if flow.id == wanted), None)
