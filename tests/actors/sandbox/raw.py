"""A peer of the sandbox byte by byte, for what no client library would send."""

import base64
import os
import socket
from urllib.parse import urlsplit

WAIT_S = 10.0


class Raw:
    """One TCP connection to a sandbox."""

    def __init__(self, url, buffer=None):
        place = urlsplit(url)
        self.line = socket.socket()
        if buffer:  # bytes the kernel may take in for us
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.line.settimeout(WAIT_S)
        self.line.connect((place.hostname, place.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def send(self, data):
        self.line.sendall(data)

    def rest(self, most=1 << 22):
        """Everything until the other side ends the connection; b"" too when it was reset."""
        found = b""
        while len(found) < most:
            try:
                more = self.line.recv(1 << 16)
            except ConnectionError:
                return found
            if not more:
                return found
            found += more
        return found

    def exactly(self, count):
        found = b""
        while len(found) < count:
            more = self.line.recv(count - len(found))
            if not more:
                raise ConnectionError("the other side hung up")
            found += more
        return found

    def head(self):
        """The head of an answer."""
        found = b""
        while not found.endswith(b"\r\n\r\n"):
            found += self.exactly(1)
        return found

    def upgrade(self, path="/websocket/v1"):
        """Shake hands for a WebSocket; gives the head of the answer."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(
            f"GET {path} HTTP/1.1\r\nHost: sandbox\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return self.head()

    def frame(self):
        """Opcode and payload of the next frame."""
        first, length = self.exactly(2)
        if length == 126:
            length = int.from_bytes(self.exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(self.exactly(8), "big")
        return first & 0x0F, self.exactly(length)


def masked(payload, opcode=1, *, final=True, mask=b"\x01\x02\x03\x04", reserved=0):
    """A client's frame; `mask` None leaves it unmasked, as no client may."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    size = len(payload)
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
