"""Money on its way: deposits, withdrawals, moves between pockets, and the wallets they pass through."""

from decimal import Decimal
from enum import StrEnum

from domain.message import Value


class TransferKind(StrEnum):
    """Into the account, or out of it."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdraw"


class TransferState(StrEnum):
    """The exchange's words; deposits end ACCEPTED, withdrawals DONE. UNKNOWN is a word this version does not know."""

    WAITING = "WAITING"
    PROCESSING = "PROCESSING"
    ACCEPTED = "ACCEPTED"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    TRAVEL_RULE_SUSPECTED = "TRAVEL_RULE_SUSPECTED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    UNKNOWN = ""


class Transfer(Value, frozen=True):
    """A deposit or withdrawal; `done_at` is None while it is under way, `internal` means between Upbit accounts.

    `amount` is without `fee`; `network` and `txid` are "" where there is none (KRW).
    """

    kind: TransferKind
    transfer_id: str
    currency: str
    amount: Decimal
    fee: Decimal
    state: TransferState
    created_at: int
    done_at: int | None
    network: str
    txid: str
    internal: bool

    @property
    def arrived(self) -> bool:
        """Whether the money has come, or has gone for good."""
        return self.state in {TransferState.ACCEPTED, TransferState.DONE}


class PocketKind(StrEnum):
    """The main pocket, a sub-pocket for spot trading, or a kind this version does not know."""

    MAIN = "main"
    SPOT = "user_spot_trading"
    UNKNOWN = ""


class Pocket(Value, frozen=True):
    """A pocket of the account, with balances, orders and keys of its own."""

    pocket_id: str
    name: str
    kind: PocketKind


class PocketTransferState(StrEnum):
    """How far a move between two pockets is; UNKNOWN is a word this version does not know."""

    SUBMITTED = "submitted"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = ""


class PocketTransfer(Value, frozen=True):
    """A move between two pockets of the account: `source` and `target` are their ids."""

    transfer_id: str
    identifier: str
    currency: str
    amount: Decimal
    source: str
    target: str
    state: PocketTransferState
    created_at: int


class WalletState(StrEnum):
    """Which way a currency moves on its network at present; UNKNOWN is a word this version does not know."""

    WORKING = "working"
    WITHDRAW_ONLY = "withdraw_only"
    DEPOSIT_ONLY = "deposit_only"
    PAUSED = "paused"
    UNSUPPORTED = "unsupported"
    UNKNOWN = ""


class BlockState(StrEnum):
    """How the network's chain keeps up; UNKNOWN when nothing, or a new word, is told."""

    NORMAL = "normal"
    DELAYED = "delayed"
    INACTIVE = "inactive"
    UNKNOWN = ""


class WalletStatus(Value, frozen=True):
    """One currency on one network, minutes old at the best; the block's figures are None where none are told."""

    currency: str
    network: str
    network_name: str
    state: WalletState
    block_state: BlockState
    block_height: int | None
    block_at: int | None
    block_age_minutes: int | None
