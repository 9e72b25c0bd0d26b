"""Every error of ours that somebody catches apart from its parent."""


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
    """No usable answer from the exchange; nothing was changed there; try again later."""


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
    """The exchange said no, by name: `name` is its error name, `status` the HTTP status."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"{name} (HTTP {status}): {message}")
        self.status = status
        self.name = name
        self.message = message
