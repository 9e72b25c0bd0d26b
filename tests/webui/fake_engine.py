"""The engine's side of the unix socket, by hand: a snapshot to each that connects, then what a test pushes."""

import contextlib
import queue
import socket
import threading
from pathlib import Path
from typing import Any, Self

import msgspec

from domain.framing import frame, read_frame
from domain.readmodel import Command, CommandAnswer, ReadModel

encode = msgspec.msgpack.encode
WAIT_S = 10.0


class FakeEngine:
    """Serves one model. `commands` has what readers asked; with `answers` each command is accepted at once."""

    def __init__(self, path: Path, model: ReadModel, *, answers: bool = True) -> None:
        self.path = path
        self.model = model
        self.answers = answers
        self.commands: queue.Queue[Command] = queue.Queue()
        self.since: queue.Queue[int] = queue.Queue()
        self.seq = model.seq
        self._lock = threading.Lock()
        self._readers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen(8)
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End, as a process that was killed; safe to call twice."""
        self._hang_up(self._listener)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        with self._lock:
            for reader in self._readers:
                self._hang_up(reader)
        for thread in self._threads:
            thread.join(WAIT_S)

    def push(self, section: str, value: Any) -> None:
        """Tell every reader one section."""
        with self._lock:
            self.seq += 1
            if section in ("tape", "equity"):
                old = getattr(self.model, section)
                kept = value + old if section == "tape" else old + value
                self.model = msgspec.structs.replace(self.model, **{section: kept})
            elif section != "answer":
                self.model = msgspec.structs.replace(self.model, **{section: value})
            self._tell(section, encode(value))

    def raw(self, payload: bytes) -> None:
        """Tell every reader bytes as they are."""
        with self._lock:
            for reader in self._readers:
                self._send(reader, payload)

    def drop_readers(self) -> None:
        """End every connection; the socket stays open for new ones."""
        with self._lock:
            readers, self._readers = self._readers, []
        for reader in readers:
            self._hang_up(reader)

    def _tell(self, section: str, data: bytes) -> None:
        for reader in self._readers:
            self._send(reader, frame(encode({"seq": self.seq, "section": section, "data": data})))

    def _send(self, reader: socket.socket, payload: bytes) -> None:
        with contextlib.suppress(OSError):  # it left; its thread will notice
            reader.sendall(payload)

    def _accept(self) -> None:
        while True:
            try:
                reader, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._readers.append(reader)
                snapshot = msgspec.structs.replace(self.model, seq=self.seq)
                told = {"seq": self.seq, "section": "snapshot", "data": encode(snapshot)}
                self._send(reader, frame(encode(told)))
            self._spawn(self._read, reader)

    def _read(self, reader: socket.socket) -> None:
        try:
            while (payload := read_frame(reader.recv)) is not None:
                self._hear(msgspec.msgpack.decode(payload))
        except OSError:
            pass  # hung up by the test
        finally:
            with self._lock:
                if reader in self._readers:
                    self._readers.remove(reader)
            reader.close()

    def _hear(self, told: dict[str, Any]) -> None:
        if "since" in told:
            self.since.put(told["since"])
            return
        command = msgspec.msgpack.decode(told["command"], type=Command)
        self.commands.put(command)
        if self.answers:
            self.push("answer", CommandAnswer(command.token, True, "on its way"))

    def _hang_up(self, reader: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the other side may have been faster
            reader.shutdown(socket.SHUT_RDWR)

    def _spawn(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
