"""Children as processes of their own: a ready line or a reason, restarted when they die, never left behind."""

import os
import queue
import signal
import threading
from pathlib import Path

import pytest

from actors import processes
from actors.processes import Child, Kept, ready_json
from domain.errors import ConfigError
from domain.secret import SECRET_VARIABLES

READY = "print('ready', *sys.argv[1:], flush=True)\n"
UNTIL_WE_END = "sys.stdin.read()\n"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a module that a child can be started with."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(text: str, name: str = "child_of_a_test") -> str:
        (tmp_path / f"{name}.py").write_text(f"import os, signal, sys, time\n{text}")
        return name

    return write


@pytest.fixture
def child(script):
    """Makes children, and ends what a test leaves running."""
    made = []

    def make(text: str, *arguments: str, within_s: float = 20.0) -> Child:
        made.append(Child("helper", script(text), arguments, ready_within_s=within_s))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_its_first_line_is_given_when_it_is_ready(child):
    one = child(READY + UNTIL_WE_END, "--speed", "2")
    assert one.start() == "ready --speed 2"
    assert one.wait(0) is None
    assert one.pid is not None


def test_it_inherits_our_environment_but_no_secret_of_ours(child, monkeypatch):
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("OPEN_TO_ALL", "seen")
    one = child("print(*(name for name in os.environ if os.environ[name] in ('hidden', 'seen')))\n")
    assert one.start() == "OPEN_TO_ALL"


def test_closing_its_input_is_enough_to_end_it(child):
    one = child("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + UNTIL_WE_END)
    one.start()
    one.stop()
    assert one.wait(0) == 0


def test_one_that_listens_to_nothing_is_killed(child, monkeypatch):
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.1)
    one = child("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + "while True: time.sleep(60)\n")
    one.start()
    one.stop()
    assert one.wait(0) == -signal.SIGKILL


def test_what_it_says_later_never_blocks_it(child):
    one = child(READY + "for _ in range(100_000): print('x' * 100)\nsys.stdout.flush()\nsys.exit(7)\n")
    one.start()
    assert one.wait(20) == 7


def test_bytes_that_are_no_text_do_not_end_the_listening(child):
    one = child("sys.stdout.buffer.write(b'\\xff\\n' * 2)\nsys.stdout.flush()\nsys.exit(3)\n")
    assert one.start() == "\ufffd"
    assert one.wait(20) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [("sys.exit(2)\n", 2), ("os.close(1)\n" + UNTIL_WE_END, None)],
    ids=["it ended", "it only fell silent"],
)
def test_one_that_cannot_start_is_an_error_and_gone(child, monkeypatch, text, code):
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.3)
    one = child(text)
    with pytest.raises(ConfigError, match=rf"helper process could not start \(exit code {code}\)"):
        one.start()
    assert one.wait(0) is not None


def test_one_that_is_not_ready_in_time_is_an_error_and_gone(child):
    one = child(UNTIL_WE_END, within_s=0.0)
    with pytest.raises(ConfigError, match="not ready within 0 s"):
        one.start()
    assert one.wait(0) is not None


def test_an_interpreter_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(processes.sys, "executable", "/nowhere/python")
    one = Child("helper", "x", (), ready_within_s=1.0)
    with pytest.raises(ConfigError, match="No such file"):
        one.start()
    one.stop()
    assert (one.pid, one.wait(0)) == (None, None)


def test_a_ctrl_c_for_us_is_not_one_for_our_children(child):
    one = child(READY + UNTIL_WE_END)
    one.start()
    assert os.getpgid(one.pid) == one.pid != os.getpgid(0)


# --- kept running


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(processes, "BACKOFF_S", (0.0,))
    monkeypatch.setattr(processes, "LOOK_EVERY_S", 0.01)


class Nursery:
    """Makes a child for each life; the nth runs the nth text, the last one for ever."""

    def __init__(self, script, *texts: str) -> None:
        self.script, self.texts, self.made = script, list(texts), []
        self.ready: queue.Queue[str] = queue.Queue()

    def __call__(self) -> Child:
        number = min(len(self.made), len(self.texts) - 1)
        name = self.script(self.texts[number], f"child_{number}")
        self.made.append(Child("helper", name, (), ready_within_s=20.0))
        return self.made[-1]

    def keep(self) -> Kept:
        return Kept(self, on_ready=self.ready.put)


def test_one_that_is_killed_comes_back_and_says_so(script, hurried):
    nursery = Nursery(script, READY + UNTIL_WE_END)
    with nursery.keep():
        assert nursery.ready.get(timeout=20) == "ready"
        os.kill(nursery.made[0].pid, signal.SIGKILL)
        assert nursery.ready.get(timeout=20) == "ready"
        assert nursery.made[1].wait(0) is None
    assert [one.wait(0) is None for one in nursery.made] == [False, False]


def test_one_that_fails_to_come_back_is_tried_again(script, hurried):
    nursery = Nursery(script, READY, "sys.exit(2)\n", READY + UNTIL_WE_END)
    with nursery.keep():
        assert [nursery.ready.get(timeout=20) for _ in range(2)] == ["ready", "ready"]
    assert len(nursery.made) == 3


def test_a_machine_that_cannot_start_anything_for_a_while_is_asked_again(script, hurried, monkeypatch):
    nursery = Nursery(script, READY, READY, READY + UNTIL_WE_END)
    made = nursery.__call__

    def first_without_interpreter() -> Child:
        child = made()
        if len(nursery.made) == 2:
            child._command[0] = "/nowhere/python"
        return child

    with Kept(first_without_interpreter, on_ready=nursery.ready.put):
        assert [nursery.ready.get(timeout=20) for _ in range(2)] == ["ready", "ready"]


def test_a_first_start_that_fails_is_the_callers(script):
    with pytest.raises(ConfigError, match="could not start"), Nursery(script, "sys.exit(2)\n").keep():
        raise AssertionError("it was entered")


def test_one_that_is_just_being_started_at_the_end_is_not_left_behind(script, hurried):
    nursery, stopped, closing = Nursery(script, READY, READY + UNTIL_WE_END), threading.Semaphore(0), []

    def make() -> Child:
        child = nursery()
        if len(nursery.made) == 2:
            closing.append(threading.Thread(target=kept.__exit__))
            assert stopped.acquire(timeout=10)  # the first child is put away, to be replaced
            closing[0].start()
            assert stopped.acquire(timeout=10)  # the end came, and found the first child
        return child

    kept = Kept(make, on_ready=nursery.ready.put)
    first, stop = nursery.made[0], nursery.made[0].stop
    first.stop = lambda: (stop(), stopped.release())
    kept.__enter__()
    assert [nursery.ready.get(timeout=20) for _ in range(2)] == ["ready", "ready"]
    closing[0].join(20)
    assert nursery.made[1].wait(0) is not None


# --- ready lines


def test_a_ready_line_is_one_json_object():
    assert ready_json('{"rest": "http://127.0.0.1:1"}', "sandbox") == {"rest": "http://127.0.0.1:1"}


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", "", '"text"'])
def test_any_other_first_line_is_shown_in_the_error(line):
    with pytest.raises(ConfigError, match="sandbox process said"):
        ready_json(line, "sandbox")
