"""What a server's bytes are cut into, however they are cut on the way."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.upbit.deflate import Deflate, agreed
from actors.upbit.reader import FrameError, FrameReader, Received
from tests.actors.upbit.peer import BINARY, CLOSE, CONTINUED, PING, PONG, TEXT, frame

TAIL = b"\x00\x00\xff\xff"


def packed(packer, data: bytes) -> bytes:
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def raw_packer():
    return zlib.compressobj(wbits=-15)


def refusal(*pieces: bytes, **more) -> FrameError:
    reader = FrameReader(**more)
    for piece in pieces:
        reader.feed(piece)
    assert reader.error is not None
    return reader.error


def test_many_frames_of_one_piece_come_out_in_order_text_and_binary_alike():
    sizes = (0, 1, 125, 126, 127, 65_535, 65_536, 200_000)
    raw = b"".join(frame(bytes(size), BINARY if size % 2 else TEXT) for size in sizes)
    assert FrameReader().feed(raw) == [Received(BINARY if size % 2 else TEXT, bytes(size)) for size in sizes]


frames = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=300)),
        st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)),
    ),
    min_size=1,
    max_size=8,
)


@given(told=frames, cuts=st.lists(st.integers(0, 3_000), max_size=30))
def test_where_the_bytes_are_cut_changes_nothing(told, cuts):
    raw = b"".join(frame(payload, opcode) for opcode, payload in told)
    reader, found = FrameReader(), []
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    for start, stop in pairwise(edges):
        found += reader.feed(raw[start:stop])
    assert found == [Received(opcode, payload) for opcode, payload in told]
    assert reader.error is None


@given(st.binary(max_size=2_000))
def test_no_garbage_does_more_than_end_the_reading(raw):
    reader = FrameReader(inflater=Deflate())
    reader.feed(raw)
    assert reader.error is None or reader.error.code in {1002, 1007, 1009}


def test_fragments_make_one_message_and_control_frames_may_come_between_them():
    reader = FrameReader()
    found = reader.feed(frame(b"one ", TEXT, fin=False) + frame(b"beat", PING) + frame(b"two ", CONTINUED, fin=False))
    assert found == [Received(PING, b"beat")]
    assert reader.feed(frame(b"three", CONTINUED) + frame(b"next")) == [
        Received(TEXT, b"one two three"),
        Received(BINARY, b"next"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        bytes([0x82, 0x81, 1, 2, 3, 4, 5]),  # masked
        bytes([0x82, 0xFE]),  # masked, before its length came
        frame(b"x", rsv=4),  # compressed, without an agreement
        frame(b"x", rsv=2),
        frame(b"x", rsv=1),
        frame(b"x", PING, rsv=4),
        frame(b"x", 3),
        frame(b"x", 11),
        frame(b"x", CONTINUED),
        frame(b"x", PING, fin=False),
        frame(bytes(126), PING),
        frame(b"x", CLOSE),
        frame(b"a", TEXT, fin=False) + frame(b"b", TEXT),
        frame(b"a", TEXT, fin=False) + frame(b"b", BINARY, fin=False),
    ],
)
def test_a_breach_of_the_protocol_ends_the_reading_with_its_code(raw):
    assert refusal(raw).code == 1002


def test_what_came_before_a_breach_is_given_out_and_nothing_after_it():
    reader = FrameReader()
    assert reader.feed(frame(b"good") + frame(b"x", 3) + frame(b"later")) == [Received(BINARY, b"good")]
    assert reader.feed(frame(b"later")) == []
    assert reader.error is not None


def test_a_frame_beyond_the_limit_is_refused_by_its_head_alone():
    assert refusal(frame(bytes(200))[:4], limit=199).code == 1009
    assert refusal(b"\x82\x7f" + (1 << 63).to_bytes(8, "big")).code == 1009
    assert FrameReader(limit=200).feed(frame(bytes(200))) == [Received(BINARY, bytes(200))]


def test_fragments_that_grow_beyond_the_limit_are_refused_although_each_is_small():
    pieces = [frame(bytes(60), TEXT, fin=False), frame(bytes(60), CONTINUED, fin=False)]
    assert refusal(*pieces, limit=100).code == 1009


def test_a_close_frame_gives_its_code_or_says_that_it_has_none():
    (told,) = FrameReader().feed(frame((1001).to_bytes(2, "big") + b"bye", CLOSE))
    (bare,) = FrameReader().feed(frame(b"", CLOSE))
    assert (told.is_close, told.close_code(), bare.close_code()) == (True, 1001, 1005)


def test_the_window_of_the_server_is_kept_from_message_to_message():
    packer, reader = raw_packer(), FrameReader(inflater=Deflate())
    data = bytes(range(256)) * 3
    first, second = packed(packer, data), packed(packer, data)
    assert len(second) < len(first) / 4  # it points into the first: without its window it cannot be read
    raw = frame(first, rsv=4) + frame(second, TEXT, rsv=4)
    assert reader.feed(raw) == [Received(BINARY, data), Received(TEXT, data)]
    with pytest.raises(FrameError):
        Deflate().inflate(second, 10_000)


def test_a_server_that_forgets_its_window_is_unpacked_afresh_each_time():
    deflate = Deflate(server_forgets=True)
    assert [deflate.inflate(packed(raw_packer(), b"hello" * 9), 99) for _ in range(3)] == [b"hello" * 9] * 3


def test_a_compressed_message_may_come_in_fragments_beside_plain_ones():
    reader = FrameReader(inflater=Deflate())
    body = packed(raw_packer(), b"a long text " * 20)
    raw = frame(body[:5], TEXT, fin=False, rsv=4) + frame(body[5:], CONTINUED) + frame(b"plain")
    assert reader.feed(raw) == [Received(TEXT, b"a long text " * 20), Received(BINARY, b"plain")]


def test_only_the_first_fragment_may_say_that_it_is_compressed():
    raw = frame(b"a", TEXT, fin=False) + frame(b"b", CONTINUED, rsv=4)
    assert refusal(raw, inflater=Deflate()).code == 1002


def test_a_last_block_of_the_deflate_stream_does_not_end_the_connection():
    deflate, packer = Deflate(), raw_packer()
    assert deflate.inflate(packer.compress(b"one") + packer.flush(), 99) == b"one"
    assert deflate.inflate(packed(raw_packer(), b"two"), 99) == b"two"


def test_what_unpacks_beyond_the_limit_is_refused_before_it_fills_the_memory():
    bomb = packed(raw_packer(), bytes(50_000_000))
    assert len(bomb) < 60_000
    assert refusal(frame(bomb, rsv=4), inflater=Deflate(), limit=100_000).code == 1009
    assert Deflate().inflate(packed(raw_packer(), bytes(1_000)), 1_000) == bytes(1_000)


def test_what_is_no_deflate_is_refused():
    assert refusal(frame(b"\xff\xff\xff", rsv=4), inflater=Deflate()).code == 1007


def test_what_we_pack_is_read_with_one_window_or_with_none():
    for forgets in (False, True):
        ours, window = Deflate(client_forgets=forgets), zlib.decompressobj(-15)
        for _ in range(3):
            reader = zlib.decompressobj(-15) if forgets else window
            assert reader.decompress(ours.deflate(b"subscribe " * 30) + TAIL) == b"subscribe " * 30


@pytest.mark.parametrize(
    "answer",
    [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        'permessage-deflate; server_max_window_bits="10"',
    ],
)
def test_an_agreement_is_understood(answer):
    assert agreed(answer, offered=True) is not None


@pytest.mark.parametrize("answer", [None, ""])
def test_without_an_agreement_nothing_is_compressed(answer):
    assert agreed(answer, offered=True) is None


@pytest.mark.parametrize(
    "answer",
    [
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
)
def test_an_agreement_to_what_was_not_offered_is_refused(answer):
    with pytest.raises(FrameError):
        agreed(answer, offered=True)


def test_compression_nobody_offered_is_refused():
    with pytest.raises(FrameError):
        agreed("permessage-deflate", offered=False)
