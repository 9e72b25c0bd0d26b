"""The core actors whose states a journal tells: those that are always there, and the living members of families."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from actors.runtime.actor import Actor

Make: TypeAlias = Callable[[str], Actor[Any] | None]
"""Makes the member of a family by its name, with a fresh state; None for a name of no family."""


def no_member(name: str) -> None:
    """Make nobody: there are no families."""
    del name


class Cast:
    """Who acts at one point of a journal; `members` is an exact function of the records up to there."""

    def __init__(self, fixed: Mapping[str, Actor[Any]], make: Make = no_member) -> None:
        self.fixed = dict(fixed)
        self.members: dict[str, Actor[Any]] = {}
        self._make = make

    def find(self, name: str) -> Actor[Any] | None:
        """Give who acts under this name now."""
        return self.fixed.get(name) or self.members.get(name)

    def all(self) -> dict[str, Actor[Any]]:
        """Give everybody who acts now, members by name."""
        return {**self.fixed, **{name: self.members[name] for name in sorted(self.members)}}

    def may_know(self, name: str) -> bool:
        """Tell whether somebody could act under this name."""
        return name in self.fixed or self._make(name) is not None

    def begin(self, name: str) -> bool:
        """Let a member live, with a fresh state; False for a name of no family."""
        member = self._make(name)
        if member is not None:
            self.members[name] = member
        return member is not None

    def retire(self, name: str) -> None:
        """Let a member live no more."""
        self.members.pop(name, None)
