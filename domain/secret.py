"""Texts that nobody may see, and the variables of the environment they may come in."""

from typing import Final

ACCESS_VARIABLE: Final = "UPBIT_ACCESS_KEY"
SECRET_VARIABLE: Final = "UPBIT_SECRET_KEY"  # noqa: S105 (the name of a variable, not a secret)
PASSPHRASE_VARIABLE: Final = "BAEU_VAULT_PASSPHRASE"  # noqa: S105 (the name of a variable, not a secret)
PASSPHRASE_FILE_VARIABLE: Final = "BAEU_VAULT_PASSPHRASE_FILE"  # noqa: S105 (the name of a variable, not a secret)
SECRET_VARIABLES: Final = frozenset({ACCESS_VARIABLE, SECRET_VARIABLE, PASSPHRASE_VARIABLE, PASSPHRASE_FILE_VARIABLE})
"""What no child process of ours inherits."""


class Secret:
    """A text that shows itself to nobody: not in a repr, a log, a message or a journal."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the places that sign or seal with it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret is neither copied nor pickled")
