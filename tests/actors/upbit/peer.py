"""The other end of a WebSocket, byte by byte: what a friendly server library would never do."""

import base64
import datetime as dt
import hashlib
import ipaddress
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WAIT_S = 10.0
CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload: bytes, opcode: int = BINARY, *, fin: bool = True, rsv: int = 0) -> bytes:
    """An unmasked frame, as a server sends it; `rsv` are its reserved bits (4: compressed)."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = b"\x7e" + size.to_bytes(2, "big") if size < 1 << 16 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([fin << 7 | rsv << 4 | opcode]) + length + payload


class Peer:
    """Listens on loopback; `accept` takes the next connection and reads its handshake."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_S)
        self._lines: list[socket.socket] = []
        scheme = "wss" if tls else "ws"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/websocket/v1"
        self.request = ""

    def keep_listening(self) -> None:
        """Wait for the next connection for as long as it takes."""
        self._listener.settimeout(None)

    def accept(self, refusal: bytes = b"", *, extensions: str = "", first: bytes = b"") -> socket.socket:
        """The next connection: shaken hands with (agreeing to `extensions`, `first` right behind), or refused."""
        line, _ = self._listener.accept()
        line.settimeout(WAIT_S)
        if self._tls:
            line = self._tls.wrap_socket(line, server_side=True)
        self._lines.append(line)
        raw = b""
        while not raw.endswith(b"\r\n\r\n"):
            raw += line.recv(1)
        self.request = raw.decode()
        if refusal:
            line.sendall(refusal)
            line.close()
            return line
        key = next(one.split(": ")[1] for one in self.request.splitlines() if one.startswith("Sec-WebSocket-Key"))
        magic = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()  # noqa: S324 (RFC 6455)
        accept = base64.b64encode(magic).decode()
        line.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + (f"Sec-WebSocket-Extensions: {extensions}\r\n".encode() if extensions else b"")
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            + first
        )
        return line

    def read(self, line: socket.socket, opcode: int) -> bytes:
        """The payload of the client's next frame of this kind, packed if the frame says so."""
        while True:
            head = self._exactly(line, 2)
            length = head[1] & 0x7F
            if length == 126:
                length = int.from_bytes(self._exactly(line, 2), "big")
            mask = self._exactly(line, 4)
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._exactly(line, length)))
            if head[0] & 0x0F == opcode:
                return payload

    def pong_forever(self, line: socket.socket) -> None:
        """Answer every ping, nothing else, until the client hangs up: that raises ConnectionError."""
        while True:
            line.sendall(frame(self.read(line, PING), PONG))

    def close(self) -> None:
        for line in self._lines:
            line.close()
        self._listener.close()

    @staticmethod
    def _exactly(line: socket.socket, count: int) -> bytes:
        raw = b""
        while len(raw) < count:
            more = line.recv(count - len(raw))
            if not more:
                raise ConnectionError("the client hung up")
            raw += more
        return raw


def loopback_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for 127.0.0.1, and the file of the certificate a client has to trust for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path
