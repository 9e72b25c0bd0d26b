"""Seals a text with a passphrase: scrypt makes the key, AES-256-GCM encrypts, and the open header is authenticated.

A sealed file is four lines of ASCII: the version, the header (cost, salt, nonce, names), the ciphertext in base64, and
the SHA-256 of what stands above. GCM cannot tell a wrong passphrase from changed bytes; the last line can, as long as
the change was an accident.
"""

import base64
import binascii
import hashlib
import re
import secrets
import unicodedata
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from domain.errors import ConfigError, VaultDamaged, WrongPassphrase
from domain.secret import Secret

VERSION: Final = 1
_FIRST: Final = re.compile(rb"baeu-vault (\d{1,6})\n")
_LINES: Final = 4
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_MAX_MEMORY: Final = 1 << 30  # bytes; what a damaged header may make us allocate


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of scrypt. The default takes about 0.4 s and 128 MiB; 2**17 is what OWASP asks for."""

    n: Annotated[int, msgspec.Meta(ge=2, le=1 << 20)] = 1 << 17
    r: Annotated[int, msgspec.Meta(ge=1, le=32)] = 8
    p: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1

    def __post_init__(self) -> None:
        if self.n & (self.n - 1) or 128 * self.n * self.r > _MAX_MEMORY:
            raise ValueError("no cost of scrypt that we would use")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be read without the passphrase, and is believed only with it."""

    cost: Cost
    salt: Annotated[bytes, msgspec.Meta(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
    nonce: Annotated[bytes, msgspec.Meta(min_length=_NONCE_BYTES, max_length=_NONCE_BYTES)]
    names: tuple[str, ...]


def seal(content: bytes, names: tuple[str, ...], passphrase: Secret, cost: Cost) -> bytes:
    """The file that holds this content, with a fresh salt and nonce."""
    header = Header(cost, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES), names)
    top = f"baeu-vault {VERSION}\n".encode() + msgspec.json.encode(header) + b"\n"
    sealed = AESGCM(_key(passphrase, header)).encrypt(header.nonce, content, top)
    body = top + base64.b64encode(sealed) + b"\n"
    return body + _digest(body)


def unseal(data: bytes, passphrase: Secret) -> bytes:
    """The content of a sealed file.

    Raises:
        WrongPassphrase: it does not open the file; or the file was changed by someone who knew how.
        VaultDamaged: bytes of the file are not what was written.
        ConfigError: a newer version of the program wrote it.
    """
    header, top, sealed = _parts(data)
    try:
        return AESGCM(_key(passphrase, header)).decrypt(header.nonce, sealed, top)
    except InvalidTag:
        raise WrongPassphrase("the passphrase does not open the vault") from None


def names_in(data: bytes) -> tuple[str, ...]:
    """The names a sealed file says it holds, without the passphrase; raises VaultDamaged or ConfigError."""
    return _parts(data)[0].names


def _parts(data: bytes) -> tuple[Header, bytes, bytes]:
    """Header, authenticated top, ciphertext."""
    first = _FIRST.match(data)
    if first is None:
        raise VaultDamaged("it does not begin as a vault does")
    if int(first[1]) != VERSION:
        raise ConfigError(f"the vault has version {int(first[1])}, this program knows {VERSION}: use the newer program")
    lines = data.splitlines(keepends=True)
    body = b"".join(lines[:-1])
    if len(lines) != _LINES or lines[-1] != _digest(body):
        raise VaultDamaged("its checksum does not fit")
    try:
        return (
            msgspec.json.decode(lines[1], type=Header),
            lines[0] + lines[1],
            base64.b64decode(lines[2].strip(), validate=True),
        )
    except (msgspec.DecodeError, binascii.Error) as error:
        raise VaultDamaged(f"its header cannot be read: {error}") from error


def _key(passphrase: Secret, header: Header) -> bytes:
    """One passphrase is one text however a keyboard composes it: Korean syllables come in two forms."""
    text = unicodedata.normalize("NFC", passphrase.reveal()).encode()
    cost = header.cost
    return Scrypt(salt=header.salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(text)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n"
