"""The journal folder as the past a start is built on: may its records be folded by this code?"""

from collections.abc import Iterator
from pathlib import Path

from actors.runtime import segments
from actors.runtime.record import Record


class FolderPast:
    """What a journal holds up to `last_seq`, for this code. With `trust` False nothing is folded, whatever it says."""

    def __init__(self, directory: Path, last_seq: int, code_version: str, seed: int, *, trust: bool = True) -> None:
        self.last_seq = last_seq  # without what this start itself will append
        self._directory = directory
        self._code = (code_version, seed)
        self._trust = trust

    def read(self, after: int) -> Iterator[Record]:
        """Give the records above `after`, oldest first."""
        return segments.read(self._directory, after)

    def objection(self, after: int) -> str:
        """Say why the records above `after` must not be folded by this code, "" when they may."""
        if after >= self.last_seq:
            return ""
        if not self._trust:
            return "told not to trust the journal"
        heads = [head for one in segments.listing(self._directory) if (head := segments.header(one)) is not None]
        if heads and heads[0].first_seq > after + 1:
            return f"records before {heads[0].first_seq} are gone and no snapshot replaces them"
        for head, follower in zip(heads, [*heads[1:], None], strict=True):
            last = follower.first_seq - 1 if follower else self.last_seq
            other = (head.code_version, head.seed) != self._code
            if other and last > after and last >= head.first_seq:
                return f"records {head.first_seq} to {last} are of version {head.code_version!r}, seed {head.seed}"
        return ""
