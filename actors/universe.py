"""Says which markets may be entered. For now those are the ones the session was opened for."""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.messages import SessionOpened, UniverseChanged

Accepted: TypeAlias = Recovered | Restarted | SessionOpened


@dataclass(slots=True)
class UniverseState:
    """The markets that may be entered, in the session's order, and why some of them may not just now."""

    markets: list[str] = field(default_factory=list)
    halted: dict[str, str] = field(default_factory=dict)


class Universe(Actor[UniverseState]):
    """Owns which markets there are and may be entered; publishes UniverseChanged on `universe`. Blocks on nothing."""

    State = UniverseState

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self.state.markets = list(message.entries or message.markets)
                self.state.halted = dict(message.halted)
                self._tell()
            case Recovered() | Restarted():
                if self.state.markets:
                    self._tell()
            case _:
                assert_never(message)

    def _tell(self) -> None:
        self.publish("universe", UniverseChanged(tuple(self.state.markets), tuple(self.state.halted.items())))
