"""What the exchange does where its documentation is silent: each answer can be chosen, so that clients meet them all.

The sources are sections 12 and 13 of upbit-api.md; a first value is the default. Choices about limits, sockets and
delays are among the faults.
"""

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final, Literal, get_args

from domain.errors import ConfigError
from domain.market import DAY, KST_OFFSET
from domain.matching import Habits

SMP_SWITCH: Final = 20_766 * DAY - KST_OFFSET  # 2026-11-09 00:00 KST


@dataclass(frozen=True, slots=True)
class Choices:
    """The exchange's open questions.

    Requests:
        candle_count: whether a `count` of more than 200 candles is cut, or refused (U12).
        bare_colon: whether a colon that is not percent-encoded in `to` is refused, or taken (section 0).
        whole_numbers: whether a whole number of the quotation side has a fraction (11509000.0, as in recorded answers
            and as the official SDK's types expect), or none (as in the documentation's samples).
        delete_body: whether the body of a DELETE is refused, as documented, or read as its parameters (pyupbit).
    Orders:
        cancel_and_new_status: its HTTP status (U16).
        post_only_crossing: taken in and then cancelled, or refused at the POST as invalid_post_only (U8).
        smp_era: the rules of self-match prevention by the exchange's clock, or always those before or after their
            change on 2026-11-09 (U1). Before: no prevention unless asked for, `none` is no value, nothing told.
        smp_scope: whether pockets of one member are kept apart, or only orders of one pocket (U16).
        beyond_book_error: name of the refusal of a market order larger than 30 levels (U9).
        identifier_error: name of the refusal of an identifier that is too long or odd (U10).
        odd_identifiers: whether characters other than [A-Za-z0-9_-] are taken in an identifier (U10).
        test_burns: whether `POST /v1/orders/test` uses an identifier up (U10).
        consent: whether the member has agreed once to trade outside KRW; until then such orders are refused (3.4).
        checks: whether tick and total are looked at before the balance, or after it (U11).
    Money:
        surplus_release: when the surplus of a fill below a buy's limit is free, at the close or at the fill (U4).
        average_price: whether avg_buy_price includes fees (U5).
        other_fee: the fee of BTC and USDT markets (U17).
    Answers:
        list_funds: whether lists of orders tell executed_funds (U18).
        absent_fields: fields that do not apply are left out, or null (U18).
        unknown_ids: ids unknown to `GET /v1/orders/uuids` are left out of the answer, or make it a 404 (3.7).
        finished_residue: whether a finished order tells locked and remaining_fee as zero, or as it ended (3.6).
        zero_balances: whether `GET /v1/accounts` tells currencies of which nothing is left (3.1).
        scope_status: HTTP status of out_of_scope (U19).
        ip_error: name of the refusal of an address (1.3).
        deprecated_fields: whether the ticker of a socket has is_trading_suspended and market_warning still (7.3).
    Private socket (7.4, U6):
        leading_wait: whether orders that can never rest tell a `wait`.
        trailing_done: whether the fill that completes an order is followed by a `done`.
        asset_frames: whether myAsset comes after the myOrder it belongs to, or before.
        private_numbers: whether large and small numbers are plain there, as in the documentation's samples, or have
            Java's exponent (1.16539E8), as on the public side; those that no double holds are plain in any case.
    """

    candle_count: Literal["cut", "refuse"] = "cut"
    bare_colon: Literal["refuse", "accept"] = "refuse"
    whole_numbers: Literal["fraction", "plain"] = "fraction"
    delete_body: Literal["refuse", "read"] = "refuse"
    cancel_and_new_status: Literal["201", "200"] = "201"
    post_only_crossing: Literal["cancel", "refuse"] = "cancel"
    smp_era: Literal["date", "before", "after"] = "date"
    smp_scope: Literal["member", "pocket"] = "member"
    beyond_book_error: Literal["market_order_exceeds_book", "volume_too_large"] = "market_order_exceeds_book"
    identifier_error: Literal["validation_error", "invalid_parameter"] = "validation_error"
    odd_identifiers: Literal["accept", "refuse"] = "accept"
    test_burns: Literal["no", "yes"] = "no"
    consent: Literal["given", "missing"] = "given"
    checks: Literal["rules_first", "funds_first"] = "rules_first"
    surplus_release: Literal["close", "fill"] = "close"
    average_price: Literal["without_fees", "with_fees"] = "without_fees"
    other_fee: Literal["0.0025", "0.0005"] = "0.0025"
    list_funds: Literal["yes", "no"] = "yes"
    absent_fields: Literal["omit", "null"] = "omit"
    unknown_ids: Literal["omit", "not_found"] = "omit"
    finished_residue: Literal["zero", "kept"] = "zero"
    zero_balances: Literal["hide", "show"] = "hide"
    scope_status: Literal["403", "401"] = "403"
    ip_error: Literal["no_authorization_ip", "no_authorization_i_p"] = "no_authorization_ip"
    deprecated_fields: Literal["told", "gone"] = "told"
    leading_wait: Literal["yes", "no"] = "yes"
    trailing_done: Literal["yes", "no"] = "yes"
    asset_frames: Literal["after", "before"] = "after"
    private_numbers: Literal["plain", "exponent"] = "plain"

    @property
    def habits(self) -> Habits:
        """Those that the exchange core must know."""
        return Habits(
            release_at_fill=self.surplus_release == "fill",
            fee_in_average=self.average_price == "with_fees",
            smp_by_member=self.smp_scope == "member",
        )

    @property
    def fee_elsewhere(self) -> Decimal:
        """The fee of markets that are not quoted in KRW, a fraction."""
        return Decimal(self.other_fee)

    def smp_told(self, at: int) -> bool:
        """Whether the rules of self-match prevention after 2026-11-09 hold at this time."""
        return at >= SMP_SWITCH if self.smp_era == "date" else self.smp_era == "after"


VALUES: Final[dict[str, tuple[str, ...]]] = {item.name: get_args(item.type) for item in fields(Choices)}
"""What may be chosen, by name."""


def with_choices(base: Choices, values: dict[str, Any]) -> Choices:
    """The same choices with some of them changed; raises ConfigError for a name or value that is none."""
    for name, value in values.items():
        if name not in VALUES:
            raise ConfigError(f"no choice is called {name!r}; there are: {', '.join(VALUES)}")
        if value not in VALUES[name]:
            raise ConfigError(f"choice {name}={value}: expected {' or '.join(VALUES[name])}")
    return replace(base, **values)


def parse_choices(texts: tuple[str, ...]) -> dict[str, str]:
    """Choices written `name=value`; raises ConfigError for one that is none."""
    values = dict(text.partition("=")[::2] for text in texts)
    with_choices(Choices(), values)
    return values
