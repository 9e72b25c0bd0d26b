"""From a socket to values of ours: what a ticker frame costs beside websocket-client, json and a dataclass.

A process of its own sends frames of about 700 bytes over loopback; both readers are measured in turns, in CPU time of
this process, so that neither the sender nor a busy machine changes the ratio. Then 800 frames a second of 855 markets
come in through a whole stream, and its share of one core is measured.
"""

import argparse
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import websocket

from actors.upbit import frames
from actors.upbit.connection import Bell, Connection
from actors.upbit.frames import Frame, TickerFrame
from actors.upbit.streams import Stream
from tests.actors.upbit.peer import Peer, frame

RATIO_MAX = 0.6
SHARE_MAX = 0.15
MARKETS = 855
PER_S = 800
BURST = 64  # frames handed to the kernel at once
TICKER = (
    '{"type":"ticker","code":"KRW-%s","opening_price":1.449E8,"high_price":1.461E8,"low_price":1.445E8,'
    '"trade_price":1.45878E8,"prev_closing_price":1.449E8,"acc_trade_price":9.321120441151E10,"change":"RISE",'
    '"change_price":978000.0,"signed_change_price":978000.0,"change_rate":0.0067494824,'
    '"signed_change_rate":0.0067494824,"ask_bid":"BID","trade_volume":0.00102831,"acc_trade_volume":641.88120192,'
    '"trade_date":"20261122","trade_time":"055958","trade_timestamp":%d,"acc_ask_volume":300.1,'
    '"acc_bid_volume":341.78120192,"highest_52_week_price":1.79869E8,"highest_52_week_date":"2026-02-09",'
    '"lowest_52_week_price":9.65E7,"lowest_52_week_date":"2026-06-30","market_state":"ACTIVE",'
    '"is_trading_suspended":false,"delisting_date":null,"market_warning":"NONE","timestamp":1795327198901,'
    '"acc_trade_price_24h":2.1093441002093E11,"acc_trade_volume_24h":1449.01920017,"stream_type":"REALTIME"}'
)


@dataclass(frozen=True, slots=True)
class RivalTicker:
    """What most bots make of a ticker: the fields of ours, with fractions as floats."""

    market: str
    at: int
    price: float
    open: float
    high: float
    low: float
    previous_close: float
    change_rate: float
    volume_24h: float
    value_24h: float
    state: str
    delisting: str


def ticker_frames(count: int) -> list[bytes]:
    """Frames of so many markets in turn."""
    return [frame((TICKER % (f"C{n % MARKETS:03}", 1_795_327_198_842 + n)).encode()) for n in range(count)]


def send(peer: Peer, count: int, per_s: float) -> None:
    """Serve one connection after the other with the same frames, as fast as they are taken or at a pace."""
    told = ticker_frames(max(count, MARKETS))
    bursts = [b"".join(told[at : at + BURST]) for at in range(0, count, BURST)]
    while True:
        line = peer.accept()
        try:
            if not per_s:
                for burst in bursts:
                    line.sendall(burst)
            start = time.monotonic()
            for number in range(count if per_s else 0):
                time.sleep(max(0.0, start + number / per_s - time.monotonic()))
                line.sendall(told[number % MARKETS])
            line.recv(1 << 16)  # until the client hangs up
        except OSError:
            pass
        line.close()


@contextmanager
def sender(count: int, per_s: float = 0.0) -> Iterator[str]:
    """The address of a process that sends."""
    peer = Peer()
    peer.keep_listening()
    process = multiprocessing.get_context("fork").Process(target=send, args=(peer, count, per_s), daemon=True)
    process.start()
    try:
        yield peer.url
    finally:
        process.terminate()
        process.join()
        peer.close()


def rival(url: str, count: int) -> float:
    """CPU seconds of websocket-client, json.loads and a dataclass for so many frames."""
    line = websocket.create_connection(url, suppress_origin=True, skip_utf8_validation=True)
    start = time.process_time()
    for _ in range(count):
        _, data = line.recv_data()
        row = json.loads(data)
        told = RivalTicker(
            row["code"],
            row["trade_timestamp"] * 1_000,
            row["trade_price"],
            row["opening_price"],
            row["high_price"],
            row["low_price"],
            row["prev_closing_price"],
            row["signed_change_rate"],
            row["acc_trade_volume_24h"],
            row["acc_trade_price_24h"],
            row["market_state"],
            row["delisting_date"] or "",
        )
    took = time.process_time() - start
    if told.price <= 0:
        raise RuntimeError("the rival read nothing")
    line.shutdown()
    return took


def ours(url: str, count: int) -> float:
    """CPU seconds of our connection and our frames for as many."""
    bell = Bell()
    line = Connection(url, bell, authorization=None, timeout_s=10.0)
    read, left = frames.read_all, count
    start = time.process_time()
    found: tuple[Frame, ...] = ()
    while left:
        for received in line.receive(10.0):
            found = read(received.data)
            left -= len(found)
    took = time.process_time() - start
    if not isinstance(found[0], TickerFrame) or found[0].price <= 0:
        raise RuntimeError("we read nothing")
    line.hang_up()
    bell.close()
    return took


def cut_only(url: str, count: int) -> float:
    """CPU seconds of our connection alone."""
    bell = Bell()
    line = Connection(url, bell, authorization=None, timeout_s=10.0)
    left = count
    start = time.process_time()
    while left > 0:
        left -= len(line.receive(10.0))
    took = time.process_time() - start
    line.hang_up()
    bell.close()
    return took


def share_of_a_core(seconds: float) -> float:
    """CPU share of a whole stream that receives 800 frames a second of 855 markets."""
    done, count = threading.Event(), int(seconds * PER_S)
    seen: list[Frame] = []

    def on_frame(told: Frame) -> None:
        seen.append(told)
        if len(seen) == count:
            done.set()

    codes = [f"KRW-C{n:03}" for n in range(MARKETS)]
    with sender(count, PER_S) as url:
        up = threading.Event()
        wanted = ({"type": "ticker", "codes": codes},)
        stream = Stream(url, wanted, on_frame=on_frame, on_state=lambda *_: up.set())
        stream.start()
        up.wait()
        cpu, wall = time.process_time(), time.monotonic()
        done.wait()
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        stream.stop()
    return cpu / wall


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures; exit code 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench ingest", description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15.0, help="of the steady stream")
    options = parser.parse_args(list(arguments))
    readers: dict[str, Callable[[str, int], float]] = {
        "websocket-client + json + dataclass": rival,
        "ours, socket to value": ours,
        "ours, socket to message": cut_only,
    }
    took: dict[str, list[float]] = {name: [] for name in readers}
    with sender(options.frames) as url:
        for _ in range(options.rounds):
            for name, reader in readers.items():
                took[name].append(reader(url, options.frames) / options.frames * 1e6)
    first = median(took["websocket-client + json + dataclass"])
    for name, figures in took.items():
        print(f"{name:36} {median(figures):7.2f} us a frame  x{median(figures) / first:.3f}")
    ratio = median(took["ours, socket to value"]) / first
    share = share_of_a_core(options.seconds)
    print(f"{PER_S} frames/s of {MARKETS} markets: {share:.1%} of one core")
    missed = [f"ratio {ratio:.2f} > {RATIO_MAX}"] if ratio > RATIO_MAX else []
    missed += [f"share {share:.1%} > {SHARE_MAX:.0%}"] if share > SHARE_MAX else []
    print("; ".join(missed) or "both limits are kept")
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
