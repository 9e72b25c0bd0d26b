"""`run.py keys` as a person uses it: at a real terminal, against an exchange that may refuse; no secret is seen."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.liar import ACCESS, HIDDEN, Liar, error, key_row, pockets
from tests.system.conftest import ROOT

NEW_ACCESS, NEW_HIDDEN = ACCESS.replace("1", "2"), HIDDEN.replace("1", "2")
WORDS, OTHER_WORDS = "a few words of the test", "quite different words"
TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
OURS = ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "BAEU_VAULT_PASSPHRASE", "BAEU_VAULT_PASSPHRASE_FILE")
WAIT_S = 20.0


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.close()


def clean(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS} | more


class Keys:
    """Runs `keys` commands on one home; all that was ever shown is kept in `shown`."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url, self.shown = home, url, ""

    def __call__(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Without a terminal: the exit code, and everything said."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=ROOT,
            env=clean(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.shown += done.stdout
        return done.returncode, done.stdout

    def typed(self, *arguments: str, answers: dict[str, str]) -> tuple[int, str]:
        """At a terminal: each prompt in turn gets its answer."""
        process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, *self._command(*arguments)],
            cwd=ROOT,
            env=clean(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        told = b""
        for prompt, answer in answers.items():
            told += self._until(process, f"{prompt}: ".encode())
            process.stdin.write(answer.encode() + b"\n")
            process.stdin.flush()
        rest, _ = process.communicate(timeout=WAIT_S)
        text = (told + rest).decode()
        self.shown += text
        return process.returncode, text

    @staticmethod
    def _until(process, prompt: bytes) -> bytes:
        told = b""
        while not told.endswith(prompt):
            assert select.select([process.stdout], [], [], WAIT_S)[0], told.decode()
            more = os.read(process.stdout.fileno(), 4_096)
            assert more, f"it ended before it asked {prompt.decode()!r}: {told.decode()}"
            told += more
        return told

    def _command(self, name: str, *arguments: str) -> list[str]:
        where = ["--url", self.url] if name in {"add", "check", "rotate"} and "--url" not in arguments else []
        return [sys.executable, "run.py", "keys", name, *arguments, "--home", str(self.home), *where]

    def nothing_seen(self) -> None:
        """No secret was shown, and none lies open in the home."""
        kept = b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())
        for secret in (HIDDEN, NEW_HIDDEN, ACCESS, NEW_ACCESS, WORDS, OTHER_WORDS):
            assert secret not in self.shown
            assert secret.encode() not in kept


@pytest.fixture
def keys(tmp_path, liar):
    return Keys(tmp_path / "home", liar.url)


ADD = {
    "Passphrase of the new vault (12 characters or more)": WORDS,
    "Repeat for confirmation": WORDS,
    "Access key": ACCESS,
    "Secret key": HIDDEN,
}
VAULT = {"Passphrase of the vault": WORDS}
PAIR = {"Access key": NEW_ACCESS, "Secret key": NEW_HIDDEN}


def test_a_key_is_added_listed_rotated_and_removed_at_a_terminal_that_shows_no_secret(keys, liar):
    code, text = keys.typed("add", "--name", "bot", "--pocket", "sub-1", answers=ADD)
    assert code == 0, text
    assert "허용 IP" in text
    assert "Allowed IP" in text
    assert "kept bot (AcCe…0001)" in text
    assert (keys.home / "vault").stat().st_mode & 0o777 == 0o600
    code, text = keys.typed("list", answers=VAULT)
    (row,) = [line for line in text.splitlines() if "AcCe" in line]
    assert row.split()[:5] == ["bot", "sub-1", "AcCe…0001", "in", "use"]
    assert "view_account, view_orders, make_orders" in row
    assert "0 days ago" in row
    liar.says("/v1/api_keys", (200, [key_row() | {"access_key": NEW_ACCESS}]))
    code, text = keys.typed("rotate", "bot", answers=VAULT | PAIR)
    assert code == 0, text
    assert "AcCe…0002 is in use now, AcCe…0001 is forgotten" in text
    code, text = keys.typed("remove", "bot", answers=VAULT | {"Forget bot (AcCe…0002)? [y/N]": "y"})
    assert code == 0, text
    assert "no key" in keys.typed("list", answers=VAULT)[1]
    keys.nothing_seen()


def test_an_old_key_stays_in_use_until_its_successor_has_passed(keys, liar):
    assert keys.typed("add", answers=ADD)[0] == 0
    liar.says("/v1/api_keys", error(401, "no_authorization_ip"))
    code, text = keys.typed("rotate", "main", answers=VAULT | PAIR)
    assert code == 1
    assert "allow-list" in text
    assert "AcCe…0001 stays in use" in text
    given = {"BAEU_VAULT_PASSPHRASE": WORDS}
    states = [line.split()[2:4] for line in keys("list", **given)[1].splitlines()[1:]]
    assert states == [["AcCe…0001", "in"], ["AcCe…0002", "waits"]]
    liar.says("/v1/api_keys", (200, [key_row()]))
    code, text = keys("check", **given)
    assert code == 0, text
    states = [line.split()[2:4] for line in keys("list", **given)[1].splitlines()[1:]]
    assert states == [["AcCe…0002", "in"]]
    keys.nothing_seen()


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/v1/pockets/api_keys", pockets("view_account", "view_orders", "make_orders", "withdraw"), "WITHDRAW"),
        ("/v1/orders/test", error(403, "out_of_scope"), "주문하기"),
        ("/v1/api_keys", error(401, "jwt_verification"), "secret key does not belong"),
    ],
)
def test_a_key_that_may_too_much_or_too_little_is_not_kept(keys, liar, path, answer, words):
    liar.says(path, answer)
    code, text = keys.typed("add", answers=ADD)
    assert code == 2
    assert "not kept" in text
    assert words in text
    assert not (keys.home / "vault").exists()
    keys.nothing_seen()


def test_offline_a_key_is_kept_without_a_call(keys, liar):
    code, text = keys.typed("add", "--offline", answers=ADD)
    assert code == 0, text
    assert "unchecked" in text
    assert liar.calls == []


def test_a_key_of_the_environment_goes_first_and_is_shown_as_such(keys, liar):
    given = {"UPBIT_ACCESS_KEY": ACCESS, "UPBIT_SECRET_KEY": HIDDEN}
    code, text = keys("list", **given)
    assert code == 0
    assert "(environment)" in text
    assert "goes before the vault" in text
    code, text = keys("check", **given)
    assert code == 0
    assert "(environment) (AcCe…0001): works" in text
    liar.says("/v1/api_keys", error(401, "expired_access_key"))
    assert keys("check", **given)[0] == 1
    code, text = keys("check", UPBIT_ACCESS_KEY=ACCESS)
    assert code == 2
    assert "UPBIT_SECRET_KEY is not" in text
    keys.nothing_seen()


def test_a_passphrase_is_changed_and_the_old_one_opens_nothing(keys):
    assert keys.typed("add", "--offline", answers=ADD)[0] == 0
    code, text = keys.typed(
        "passphrase", answers=VAULT | {"New passphrase": OTHER_WORDS, "Repeat for confirmation": OTHER_WORDS}
    )
    assert code == 0, text
    code, text = keys("list", BAEU_VAULT_PASSPHRASE=WORDS)
    assert code == 2
    assert "does not open" in text
    file = keys.home.parent / "passphrase"
    file.write_text(OTHER_WORDS)
    file.chmod(0o600)
    assert keys("list", BAEU_VAULT_PASSPHRASE_FILE=str(file))[0] == 0
    keys.nothing_seen()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add",), "no terminal"),
        (("check",), "no key to check"),
        (("rotate", "main"), "no vault"),
        (("remove", "main"), "no vault"),
        (("passphrase",), "no vault"),
        (("check", "main"), "no vault"),
        (("add", "--url", "http://api.example.com"), "https"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(keys, arguments, words):
    code, text = keys(*arguments)
    assert code == 2
    assert words in text.strip().splitlines()[-1]
    assert "Traceback" not in text


def test_a_vault_others_can_read_is_not_read(keys):
    assert keys.typed("add", "--offline", answers=ADD)[0] == 0
    (keys.home / "vault").chmod(0o644)
    code, text = keys("list", BAEU_VAULT_PASSPHRASE=WORDS)
    assert code == 2
    assert f"chmod 600 {keys.home}/vault" in text


def test_the_allow_list_is_explained_in_both_languages(keys):
    code, text = keys("allow-list")
    assert code == 0
    assert all(word in text for word in ("출금하기", "withdraw", "공인 IPv4", "public IPv4", "no_authorization_ip"))
