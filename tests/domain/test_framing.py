from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.framing import FRAME_MAX, BadFrame, frame, read_frame


def a_stream(data: bytes, piece: int = 1 << 20) -> Callable[[int], bytes]:
    """As a socket gives it: at most `piece` bytes at once."""
    source = BytesIO(data)
    return lambda size: source.read(min(size, piece))


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 7))
def test_frames_are_read_as_they_were_written_however_the_stream_is_cut(payloads: list[bytes], piece: int) -> None:
    recv = a_stream(b"".join(frame(payload) for payload in payloads), piece)
    assert [read_frame(recv) for _ in payloads] == payloads
    assert read_frame(recv) is None


def test_the_length_is_a_little_endian_u32() -> None:
    assert frame(b"abc") == b"\x03\x00\x00\x00abc"


def test_an_empty_payload_is_not_the_end_of_the_stream() -> None:
    recv = a_stream(frame(b""))
    assert read_frame(recv) == b""
    assert read_frame(recv) is None


@pytest.mark.parametrize("cut", [1, 3, 4, 6])
def test_a_stream_that_ends_inside_a_frame_is_refused(cut: int) -> None:
    with pytest.raises(BadFrame, match="ended after"):
        read_frame(a_stream(frame(b"abc")[:cut]))


def test_the_largest_payload_passes_and_one_byte_more_does_not() -> None:
    largest = bytes(FRAME_MAX)
    assert read_frame(a_stream(frame(largest))) == largest
    with pytest.raises(BadFrame, match="at most"):
        frame(bytes(FRAME_MAX + 1))


def test_an_announced_length_above_the_limit_is_refused_before_reading_on() -> None:
    asked: list[int] = []

    def recv(size: int) -> bytes:
        asked.append(size)
        return (FRAME_MAX + 1).to_bytes(4, "little")

    with pytest.raises(BadFrame, match="announced"):
        read_frame(recv)
    assert asked == [4]
