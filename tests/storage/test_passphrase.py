"""A passphrase that a machine gives, without a person at it."""

import os

import pytest

from domain.errors import ConfigError
from storage.vault import passphrase_given


def test_a_passphrase_comes_from_the_environment_or_from_a_private_file(tmp_path):
    assert passphrase_given({}) is None
    assert passphrase_given({"BAEU_VAULT_PASSPHRASE": "words"}).reveal() == "words"
    file = tmp_path / "passphrase"
    file.write_text("words in a file\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {file}"):
        passphrase_given({"BAEU_VAULT_PASSPHRASE_FILE": str(file)})
    file.chmod(0o400)
    assert passphrase_given({"BAEU_VAULT_PASSPHRASE_FILE": str(file)}).reveal() == "words in a file"


def test_a_passphrase_comes_through_a_descriptor():
    out, into = os.pipe()
    os.write(into, b"words of a pipe\n")
    os.close(into)
    try:
        assert passphrase_given({"BAEU_VAULT_PASSPHRASE_FILE": f"/dev/fd/{out}"}).reveal() == "words of a pipe"
    finally:
        os.close(out)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_passphrase_file_without_a_passphrase_is_refused(tmp_path, content):
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="BAEU_VAULT_PASSPHRASE_FILE"):
        passphrase_given({"BAEU_VAULT_PASSPHRASE_FILE": str(file)})
