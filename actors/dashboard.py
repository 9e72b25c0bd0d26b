"""Serves the read model to web processes over a unix socket, and takes a person's commands from them."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from actors.board import Board
from actors.runtime import Actor, Context
from domain.errors import ConfigError
from domain.framing import frame, read_frame
from domain.message import Message
from domain.messages import ResumeTrading, StopAll
from domain.readmodel import Command, CommandAnswer, EquityPoint, ReadModel, Session, TapeLine

log = logging.getLogger(__name__)

PAUSE_S = 0.1  # between two sends to one reader: what changes meanwhile is sent once
APPENDED = ("tape", "equity")
ACCEPT_AGAIN_S = 1.0
BEHIND_MAX = 1_000  # appended items a reader may lag before it is cut off and starts afresh
encode = msgspec.msgpack.encode


class Reader:
    """One connected web process: what changed since its last send. All methods run under the server's condition."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.fresh = True
        self.dirty: set[str] = set()
        self.tape: list[TapeLine] = []
        self.equity: list[EquityPoint] = []
        self.answers: list[CommandAnswer] = []
        self.gone = False

    def waiting(self) -> bool:
        """Whether there is something to send, or nobody to send it to."""
        return bool(self.gone or self.fresh or self.dirty or self.tape or self.equity or self.answers)


class Dashboard(Actor[None]):
    """Owns the socket and the read model behind it.

    Edge: listens to every topic a page shows; sends StopAll and ResumeTrading to risk. Its threads are an acceptor
    and two for each reader; a slow reader loses nothing but time, and is cut off when it falls far behind. A restart
    of the process begins with an empty tape and the equity curve it was given.
    """

    edge = True
    State = None

    def __init__(
        self, context: Context, name: str, *, path: Path, session: Session, equity: Callable[[], Iterable[EquityPoint]]
    ) -> None:
        super().__init__(context, name)
        self._path = path
        self._board = Board(session, equity())
        self._changed = threading.Condition()
        self._readers: set[Reader] = set()
        self._listener: socket.socket | None = None
        self._ending = threading.Event()

    def handle(self, message: Message) -> None:
        """Fold the event in and wake the readers."""
        with self._changed:
            sections = self._board.apply(message)
            line = self._board.tape[-1] if "tape" in sections else None
            point = self._board.equity[-1] if "equity" in sections else None
            whole = sections.difference(APPENDED)
            for reader in self._readers:
                reader.dirty |= whole
                if line is not None:
                    reader.tape.append(line)
                if point is not None:
                    reader.equity.append(point)
            for reader in [one for one in self._readers if len(one.tape) + len(one.equity) > BEHIND_MAX]:
                log.warning("dashboard reader cut off error=more than %d lines behind", BEHIND_MAX)
                self._cut_off(reader)
            self._changed.notify_all()

    # --- life

    def on_begin(self) -> None:
        """Listen; a socket file left by a process that was killed is removed first."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            why = error.strerror or error  # a path that is too long has no number
            raise ConfigError(f"the dashboard's socket {self._path} cannot be opened: {why}") from error
        finally:
            os.umask(mask)
        listener.listen(8)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="dashboard-accept", daemon=True).start()

    def on_end(self) -> None:
        """Close the socket and let every reader go."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._ending.set()
        listener.shutdown(socket.SHUT_RDWR)  # a close alone would not wake the thread that accepts
        listener.close()
        self._path.unlink(missing_ok=True)
        with self._changed:
            for reader in tuple(self._readers):
                self._cut_off(reader)
            self._changed.notify_all()

    # --- for the engine's own thread

    def read_model(self) -> ReadModel:
        """The whole read model; safe from any thread."""
        with self._changed:
            return self._board.snapshot()

    def counts(self) -> dict[str, int]:
        """Decisions, orders and fills since the start; safe from any thread."""
        with self._changed:
            return dict(self._board.counts)

    def wait_for_green(self, since: int, timeout_s: float) -> bool:
        """Wait until books and exchange agreed in a comparison that ended at `since` or later."""
        with self._changed:
            return self._changed.wait_for(lambda: self._board.green_at >= since, timeout_s)

    # --- readers

    def _accept(self, listener: socket.socket) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if not self._ending.wait(ACCEPT_AGAIN_S):  # too many open files, say: others may still be let in later
                    log.warning("dashboard reader not accepted error=%s", error)
                continue
            reader = Reader(connection)
            with self._changed:
                if self._ending.is_set():
                    connection.close()
                    return
                self._readers.add(reader)
            for work in (self._write, self._read):
                threading.Thread(target=work, args=(reader,), name=f"dashboard-{work.__name__}", daemon=True).start()

    def _write(self, reader: Reader) -> None:
        """The only thread that sends to this reader."""
        pause = threading.Event()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(reader.waiting)
                    if reader.gone:
                        return
                    frames = self._take(reader)
                for one in frames:
                    reader.connection.sendall(one)
                pause.wait(PAUSE_S)
        except OSError as error:
            log.info("dashboard reader left error=%s", error.strerror)
        finally:
            self._drop(reader)

    def _take(self, reader: Reader) -> list[bytes]:
        board = self._board
        if reader.fresh:
            reader.fresh = False
            reader.dirty.clear()
            reader.tape, reader.equity = [], []
            parts: list[tuple[str, object]] = [("snapshot", board.snapshot())]
        else:
            parts = [(name, board.section(name)) for name in sorted(reader.dirty)]
            parts += [
                (name, tuple(items)) for name, items in (("tape", reader.tape), ("equity", reader.equity)) if items
            ]
            reader.dirty.clear()
            reader.tape, reader.equity = [], []
        parts += [("answer", answer) for answer in reader.answers]
        reader.answers = []
        return [frame(encode({"seq": board.seq, "section": name, "data": encode(data)})) for name, data in parts]

    def _read(self, reader: Reader) -> None:
        """Take commands until this reader leaves; bad input costs it the connection."""
        try:
            while payload := read_frame(reader.connection.recv):
                asked = msgspec.msgpack.decode(payload, type=dict[str, object])
                if isinstance(raw := asked.get("command"), bytes):
                    self._obey(reader, msgspec.msgpack.decode(raw, type=Command))
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            log.warning("dashboard reader cut off error=%s", error)
        finally:
            self._drop(reader)

    def _obey(self, reader: Reader, command: Command) -> None:
        match command.name:
            case "stop_all" | "stop_all_liquidate":
                self.outlet.send("risk", StopAll(command.by, command.name == "stop_all_liquidate"))
                answer = CommandAnswer(command.token, True, "ALL STOP is on its way")
            case "resume":
                self.outlet.send("risk", ResumeTrading(command.by))
                answer = CommandAnswer(command.token, True, "resume is on its way")
            case _:
                answer = CommandAnswer(command.token, False, f"there is no command {command.name!r}")
        log.info("dashboard command name=%s by=%s accepted=%s", command.name, command.by, answer.accepted)
        with self._changed:
            reader.answers.append(answer)
            self._changed.notify_all()

    def _drop(self, reader: Reader) -> None:
        with self._changed:
            self._cut_off(reader)
            self._changed.notify_all()
        reader.connection.close()

    def _cut_off(self, reader: Reader) -> None:
        """Forget a reader and wake its threads, also one that is stuck in a send; call it under the condition."""
        reader.gone = True
        self._readers.discard(reader)
        with contextlib.suppress(OSError):  # one of its threads may have closed it already
            reader.connection.shutdown(socket.SHUT_RDWR)
