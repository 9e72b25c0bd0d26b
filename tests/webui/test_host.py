"""The process: how it starts, what it refuses, how it ends."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from domain.errors import ConfigError
from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.process import ENDS_WITHIN_S, Dashboard, first_line, running, start
from webui.__main__ import main
from webui.host import serve


def test_its_first_line_says_where_it_answers(engine: FakeEngine, dashboard: Dashboard) -> None:
    assert dashboard.line == f"dashboard http://127.0.0.1:{dashboard.port}\n"
    answer = requests.get(dashboard.url, timeout=WAIT_S)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_it_serves_without_an_engine_and_says_so(socket_path: Path) -> None:
    with running(socket_path) as alone:
        assert 'data-link="gone"' in requests.get(alone.url, timeout=WAIT_S).text


def test_it_listens_on_loopback_only(dashboard: Dashboard) -> None:
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", dashboard.port), WAIT_S):
        pass


def test_sigterm_ends_it(dashboard: Dashboard) -> None:
    dashboard.visit().close()
    dashboard.process.terminate()
    assert dashboard.process.wait(ENDS_WITHIN_S) == 0


def test_with_parent_it_ends_when_its_stdin_does(dashboard: Dashboard) -> None:
    assert dashboard.process.stdin is not None
    dashboard.process.stdin.close()
    assert dashboard.process.wait(ENDS_WITHIN_S) == 0


def test_without_parent_it_does_not_care_for_stdin(socket_path: Path) -> None:
    with start(socket_path, "--port", "0", stdin=subprocess.DEVNULL) as process:
        try:
            url = first_line(process).split()[-1]
            assert requests.get(url, timeout=WAIT_S).status_code == 200
        finally:
            process.terminate()
            process.wait(ENDS_WITHIN_S)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH])
def test_no_signal_makes_a_second_worker_or_ends_the_first(dashboard: Dashboard, number: signal.Signals) -> None:
    before = workers(dashboard.process.pid)
    os.kill(dashboard.process.pid, number)
    assert requests.get(dashboard.url, timeout=WAIT_S).status_code == 200
    assert workers(dashboard.process.pid) == before
    assert len(before) == 1


def test_a_worker_that_dies_is_replaced_on_the_same_port(dashboard: Dashboard) -> None:
    (worker,) = workers(dashboard.process.pid)
    os.kill(worker, signal.SIGKILL)
    assert requests.get(dashboard.url, timeout=ENDS_WITHIN_S).status_code == 200


def test_a_port_in_use_is_one_clear_line_and_exit_code_2(socket_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(socket_path, "--port", str(port), stderr=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    assert f"127.0.0.1:{port}" in err
    assert "--port" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])  # noqa: S104 (refused)
def test_any_other_host_is_refused(socket_path: Path, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="no login"):
        serve(socket_path, 0, host=host)
    assert main(["--socket", str(socket_path), "--host", host]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--socket", "x", "--port", "70000"], ["--socket", "x", "--port", "web"]])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def workers(master: int) -> set[int]:
    """Process ids of the children of a process."""
    children = Path(f"/proc/{master}/task/{master}/children")
    return {int(child) for child in children.read_text(encoding="ascii").split()}
