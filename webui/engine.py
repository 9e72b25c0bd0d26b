"""Client of the engine's unix socket: keeps the mirror current, sends a person's commands, reconnects by itself."""

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from domain.errors import TradingError
from domain.framing import frame, read_frame
from domain.readmodel import Command, CommandAnswer, ReadModel
from webui.mirror import SECTIONS, Mirror

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
SEND_WITHIN_S = 5.0

_DECODERS = {name: msgspec.msgpack.Decoder(kind) for name, kind in SECTIONS.items()}
_encode = msgspec.msgpack.encode


class EngineFrame(msgspec.Struct, frozen=True):
    """What the engine sends: `data` is the msgpack of the section called `section`."""

    seq: int
    section: str
    data: bytes


_frames = msgspec.msgpack.Decoder(EngineFrame)
_snapshots = msgspec.msgpack.Decoder(ReadModel)
_answers = msgspec.msgpack.Decoder(CommandAnswer)


class EngineClient:
    """Owns the connection and one thread that reads it. `mirror` may be read from any thread.

    The engine may come and go as often as it likes: each connection begins with its snapshot, so nothing is missed.
    """

    def __init__(self, path: Path, mirror: Mirror | None = None) -> None:
        self.path = path
        self.mirror = mirror or Mirror()
        self._on_answer: Callable[[CommandAnswer], None] | None = None
        self._stopping = threading.Event()
        self._sending = threading.Lock()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="engine-client", daemon=True)

    def on_answer(self, take: Callable[[CommandAnswer], None]) -> None:
        """Hand every answer of the engine to `take`, on the client's thread."""
        self._on_answer = take

    def start(self) -> None:
        """Begin to connect; returns at once, whether there is an engine or not."""
        self._thread.start()

    def stop(self) -> None:
        """End the connection and the thread; safe to call twice, or without `start`."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            _wake(connection)
        if self._thread.is_alive():
            self._thread.join(SEND_WITHIN_S)

    def send(self, command: Command) -> bool:
        """Hand a command to the engine; False when there is no engine to take it. Delivery is not execution."""
        with self._sending:
            if self._connection is None:
                return False
            try:
                self._connection.sendall(frame(_encode({"command": _encode(command)})))
            except OSError as error:
                log.warning("command not sent name=%s error=%s", command.name, error)
                _wake(self._connection)  # half a frame may be out: the stream is of no use any more
                return False
            return True

    def _run(self) -> None:
        fails = 0
        while not self._stopping.is_set():
            heard = self._one_connection()
            self.mirror.lost()
            fails = 0 if heard else fails + 1
            self._stopping.wait(BACKOFF_S[min(fails, len(BACKOFF_S) - 1)])

    def _one_connection(self) -> bool:
        """Connect and read until the end; whether anything was heard."""
        heard = False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(str(self.path))
                self._attach(connection)
                while (payload := read_frame(connection.recv)) is not None:
                    self._take(_frames.decode(payload))
                    heard = True
        except (OSError, TradingError, ValueError, msgspec.MsgspecError) as error:
            if heard or not isinstance(error, FileNotFoundError | ConnectionRefusedError):
                log.warning("engine connection lost error=%s", error)
        finally:
            with self._sending:
                self._connection = None
        return heard

    def _attach(self, connection: socket.socket) -> None:
        with self._sending:
            connection.sendall(frame(_encode({"since": self.mirror.seq})))
            self._connection = connection
        if self._stopping.is_set():  # stop() came before there was a connection to wake
            _wake(connection)

    def _take(self, told: EngineFrame) -> None:
        if told.section == "snapshot":
            self.mirror.replace(_snapshots.decode(told.data))
        elif told.section == "answer":
            if self._on_answer is not None:
                self._on_answer(_answers.decode(told.data))
        elif (decoder := _DECODERS.get(told.section)) is not None:
            self.mirror.apply(told.seq, told.section, decoder.decode(told.data))
        else:  # a newer engine may know more than this page
            log.warning("unknown section=%s", told.section)


def _wake(connection: socket.socket) -> None:
    """End a blocking read in the other thread."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("engine connection was closed already")
