"""What a journal is bound to: the release, and a digest of the code that decides."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_DIGEST_BYTES = 6


def code_version() -> str:
    """The release and a digest of `domain` and `actors`, such as 0.1.0+3f…; release 0 when it is not installed."""
    try:
        release = version("baeu")
    except PackageNotFoundError:
        release = "0"
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for source in sorted((*_ROOT.glob("domain/**/*.py"), *_ROOT.glob("actors/**/*.py"))):
        digest.update(source.read_bytes())
    return f"{release}+{digest.hexdigest()}"
