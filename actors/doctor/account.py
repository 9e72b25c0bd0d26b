"""The key, as findings: whether it works here, what it may do, how long it lives; and an order that is rehearsed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from actors.keys.probe import ADDRESS, FORBIDDEN, NEEDED, PERMISSIONS, REFUSALS, KeyReport, advice, rehearsal
from actors.upbit.rest import UpbitRest
from domain.errors import RequestRefused
from domain.finding import Finding, green, grey, red, yellow
from domain.market import DAY
from domain.rules import default_terms, price_down

WARN_DAYS: Final = 30
SOON_DAYS: Final = 7
LAST_DAYS: Final = 1
LESS_THAN_MONEY: Final = "insufficient_funds_bid"
_ROOM: Final = Decimal("1.2")


def works(report: KeyReport, origin: str) -> Finding:
    """Whether the exchange takes the key at all; `origin` is where we have it from."""
    name = "api key"
    if report.refused and report.refused not in ADDRESS:
        return red(name, f"{origin}: {report.refused}", "a key the exchange takes", advice(report.refused))
    return green(name, f"{origin}: known to the exchange", "a key the exchange takes")


def allow_list(report: KeyReport) -> Finding:
    """Whether this machine's public address is on the key's list."""
    name, expected = "ip allow-list", "this machine's public address is on it"
    if report.refused in ADDRESS:
        return red(name, report.refused, expected, advice(report.refused))
    if report.refused:
        return grey(name, f"not reached: {report.refused}")
    listed = f" ({', '.join(report.addresses)})" if report.addresses else ""
    return green(name, f"a signed call from here was let in{listed}", expected)


def permissions(report: KeyReport) -> Finding:
    """Whether the key may do what trading needs."""
    name, expected = "permissions", ", ".join(NEEDED)
    if report.refused:
        return grey(name, f"not reached: {report.refused}")
    held = ", ".join(report.allowed) or "none"
    if lacking := [each for each in NEEDED if each in report.missing]:
        labels = ", ".join(f"{each} ({PERMISSIONS[each]})" for each in lacking)
        return red(name, f"lacks {labels}", expected, "make a key with these permissions, then `keys rotate`")
    if unknown := [each for each in NEEDED if each not in report.allowed]:
        return grey(name, f"the exchange did not tell: {', '.join(unknown)}")
    return green(name, held, expected)


def withdrawal(report: KeyReport) -> Finding:
    """Whether the key could take money away."""
    name, expected = "withdrawal", "no permission to withdraw (출금하기)"
    if report.refused:
        return grey(name, f"not reached: {report.refused}")
    if FORBIDDEN in report.allowed:
        to_do = "delete this key on Upbit's page now and make one without 출금하기: a trader never needs it"
        return red(name, "this key may WITHDRAW", expected, to_do)
    if FORBIDDEN in report.missing:
        return green(name, "may not withdraw", expected)
    to_do = "look at the key on Upbit's page (마이페이지 > Open API 관리): 출금하기 must not be ticked"
    if "view_withdrawals" in report.allowed:
        return yellow(name, "may see withdrawals; whether it may make them is not told", expected, to_do)
    return grey(name, "not told: the exchange lists permissions to a main key with 포켓관리 only", to_do)


def expiry(report: KeyReport, now: int) -> Finding:
    """How long the key lives: a year, and it cannot be made longer."""
    name, expected = "key expiry", f"more than {WARN_DAYS} days"
    if report.refused:
        return grey(name, f"not reached: {report.refused}")
    if report.expires_at is None:
        return grey(name, "the exchange does not list this key")
    days = (report.expires_at - now) / DAY
    to_do = "make a new key on Upbit's page and `keys rotate` it; this one cannot be made longer"
    if days <= LAST_DAYS:
        return red(name, f"{max(days * 24, 0):.0f} hours left", expected, f"today: {to_do}")
    if days <= SOON_DAYS:
        return yellow(name, f"{days:.0f} days left", expected, f"this week: {to_do}")
    if days <= WARN_DAYS:
        return yellow(name, f"{days:.0f} days left", expected, to_do)
    return green(name, f"{days:.0f} days left", expected)


def dry_order(client: UpbitRest, market: str, now: Callable[[], int]) -> Finding:
    """Whether the exchange would take an order of ours; it is checked there and never placed."""
    name, expected = "dry order", "taken by orders/test"
    price = price_down(market, client.ticker([market])[0].price, now())
    total = default_terms(market, now()).min_total_bid * _ROOM
    try:
        client.rehearse(rehearsal(market, price, "doctor", total))
    except RequestRefused as error:
        if error.name == LESS_THAN_MONEY:
            to_do = "deposit KRW before trading; key, signature and order were accepted up to the money"
            return yellow(name, "refused only for lack of money", expected, to_do)
        to_do = REFUSALS.get(error.name, "this order would have been right by our rule book: look up that error name")
        return red(name, f"{market}: {error.name} (HTTP {error.status})", expected, to_do)
    return green(name, f"a buy in {market} would be taken; none was placed", expected)
