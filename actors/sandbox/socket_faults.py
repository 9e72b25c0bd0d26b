"""What faults do to one WebSocket: its frames, and the connection itself."""

import time
from typing import Final

from actors.sandbox.app import App
from actors.sandbox.novelty import renewed
from actors.sandbox.rules import Subject

FOR_GOOD_S: Final = 60.0
"""How long a half-open connection stays, in real seconds, unless its rule says: the exchange drops it as idle."""


class SocketFaults:
    """Owns the state of a faulty connection: `cut` (it ends now), silence until a time, and a frame held back."""

    def __init__(self, app: App, kind: str, account: str) -> None:
        self._app = app
        self._kind, self._account = kind, account
        self._count = 0
        self._silent_until = 0.0
        self._held: list[bytes] = []
        self.cut = False
        self.deaf_s = 0.0

    @property
    def deaf(self) -> bool:
        """Whether nothing is sent now: the connection is half open, or silent."""
        return self.deaf_s > 0 or time.monotonic() < self._silent_until

    @property
    def holding(self) -> bool:
        """Whether a frame waits for its follower."""
        return bool(self._held)

    def passed(self, payload: bytes) -> list[bytes]:
        """Which frames go out when this one is to: none, it, it twice, or it and one that was held back."""
        if not self._app.world.mischief.frames_at_risk:
            return [payload, *self.released()]
        subject = self.touched()
        if self._strikes("lose_event", subject):
            return []
        if rule := self._app.strike("novelty", subject):
            payload = renewed(payload, rule.field, rule.value)
        copies = [payload] * (2 if self._strikes("duplicate_event", subject) else 1)
        if not self._held and self._strikes("reorder_events", subject):
            self._held = copies
            return []
        return [*copies, *self.released()]

    def released(self) -> list[bytes]:
        """What was held back."""
        held, self._held = self._held, []
        return held

    def touched(self) -> Subject:
        """Let what hits the connection itself strike at the next frame, of either direction."""
        self._count += 1
        subject = Subject(f"{self._kind} socket, frame {self._count}", account=self._account, socket=self._kind)
        if not self._app.world.mischief.frames_at_risk:
            return subject
        if self._app.strike("ws_drop", subject):
            self.cut = True
        if rule := self._app.strike("ws_silence", subject):
            self._silent_until = time.monotonic() + (rule.seconds or 0)
        if rule := self._app.strike("ws_half_open", subject):
            self.deaf_s = rule.seconds or FOR_GOOD_S
        return subject

    def _strikes(self, fault: str, subject: Subject) -> bool:
        return self._app.strike(fault, subject) is not None
