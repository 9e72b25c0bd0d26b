"""Every error of ours that somebody catches apart from its parent, and what to do about it."""

from enum import StrEnum


class TradingError(Exception):
    """Anything Baeu raises on purpose. The text says what was found, what was expected, what to do."""


class ConfigError(TradingError):
    """A person must change a setting, a flag or a file; raised before anything starts."""


class StorageError(TradingError):
    """A file or database of ours cannot be read or written as it must be."""


class JournalDamaged(StorageError):
    """The journal is broken before its tail: nothing after that place can be trusted."""


class VaultDamaged(StorageError):
    """The vault holds other bytes than were written."""


class WrongPassphrase(ConfigError):
    """The passphrase does not open the vault."""


class ExchangeError(TradingError):
    """The exchange, or the way to it, did not do what was asked."""


class ExchangeUnavailable(ExchangeError):
    """No usable answer, and nothing was changed there; of an order: it was not sent. Try again later."""


class ServerError(ExchangeUnavailable):
    """The exchange answered that it cannot work now (5xx). The line is good: wait for them, mend nothing here."""


class OutcomeUnknown(ExchangeError):
    """An order request may or may not have reached the exchange: look it up, never resend it blindly."""


class RateLimited(ExchangeError):
    """The exchange (429), or our own limiter before it (`sent` is false), refused the request before working on it.

    Ask again after `retry_after_s` real seconds.
    """

    blocked = False

    def __init__(self, message: str, retry_after_s: float, *, sent: bool = True) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.sent = sent


class Blocked(RateLimited):
    """A whole address or pocket is shut out (418): send nothing of it for `retry_after_s`, or it grows."""

    blocked = True


class BadPayload(ExchangeError):
    """An answer of the exchange that cannot be read as its documentation says."""


class RequestRefused(ExchangeError):
    """The exchange said no, by name: `name` is its error name, `status` the HTTP status.

    Of this class itself: a name without a remedy, or one of tomorrow. Do not repeat the request as it is.
    """

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"{name} (HTTP {status}): {message}")
        self.status = status
        self.name = name
        self.message = message


class AuthReason(StrEnum):
    """What is wrong with the key or the signature of a request; the value says what to do."""

    EXPIRED = "the API key has expired: make a new one at Upbit and put it in place"
    UNKNOWN_KEY = "Upbit does not know this access key: check which key is in use, or make a new one"
    ADDRESS = "this computer's address is not on the key's allow-list: add it at Upbit"
    SIGNATURE = "the signature is not accepted: check the secret key"
    QUERY = "the signed query is not the one that was sent: a fault of this program, or something changed it on its way"
    NONCE = "the exchange saw this nonce before: something on the way sends requests twice"
    TOKEN = "the request came without a token: a fault of this program, or something on the way removed it"  # noqa: S105 (advice, not a secret)
    OTHER = "the exchange does not accept this key: read the error's name"


class AuthError(RequestRefused):
    """The exchange does not accept our key (401): stop new orders until a person did what `reason` says."""

    def __init__(self, status: int, name: str, message: str, reason: AuthReason = AuthReason.OTHER) -> None:
        super().__init__(status, name, message)
        self.reason = reason


class Forbidden(RequestRefused):
    """The key is good but may not do this: a person must give it the permission, or stop asking for it."""


class NotFound(RequestRefused):
    """What was named is not there: an order, a market, a currency, a pocket, a path. Read the list anew."""


class InsufficientFunds(RequestRefused):
    """The balance does not cover it: compare the books with the account, do not repeat."""


class BelowMinimum(RequestRefused):
    """Worth less than the exchange takes: leave it out, or keep it as dust."""


class AboveMaximum(RequestRefused):
    """More than the exchange takes at once: split it."""


class BadTick(RequestRefused):
    """The price is not on a tick: read the ticks anew and round again, once."""


class DuplicateIdentifier(RequestRefused):
    """The identifier was used before, perhaps by this very order: look it up by its identifier."""


class MarketOffline(RequestRefused):
    """The market or the exchange pauses: no orders there; ask again later with an order test."""
