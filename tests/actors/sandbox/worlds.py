"""A sandbox's world in the test's own thread, moved on by hand, with a socket that keeps what it is told."""

import json
from collections import deque
from decimal import Decimal

from actors.sandbox.answers import Request
from actors.sandbox.frames import Format
from actors.sandbox.hub import Hub
from actors.sandbox.opening import open_sandbox
from actors.sandbox.options import SandboxOptions
from actors.sandbox.quotation import Quotation
from actors.sandbox.streams import read_demand

SECOND = 1_000_000


class HandClock:
    """Time that stands still until it is set; microseconds UTC."""

    speed = 1.0

    def __init__(self, at):
        self.at = at

    def now(self):
        return self.at


class Listening:
    """A socket: `told` holds each message with the exchange's time at which it was pushed."""

    caller = None

    def __init__(self, world, *parts, private=False):
        self.demand, self.form, self.told, self._world = None, Format(), deque(), world
        world.watcher.join(self)
        self.ask(*parts, private=private)

    def ask(self, *parts, private=False):
        text = json.dumps([{"ticket": "test"}, *parts])
        self._world.watcher.demand(self, read_demand(text, private=private))

    def push(self, payload, *, private=False):  # noqa: ARG002 (as the hub calls it)
        self.told.append((self._world.now, payload.decode()))

    def flush(self):
        pass

    def heard(self):
        """Everything told since the last call, fractions exact."""
        found = [(at, json.loads(text, parse_float=Decimal)) for at, text in self.told]
        self.told.clear()
        return found


class Stage:
    """A world, its hub and its public REST side."""

    def __init__(self, home, **options):
        options.setdefault("days", 4)
        self._opened = open_sandbox(SandboxOptions(home=home, **options))
        self.world = self._opened.world
        self.clock = self.world.clock = HandClock(self.world.now)
        self.hub = Hub(self.world)
        self.quotation = Quotation(self.world)

    def close(self):
        self._opened[2].close()  # the books on disk

    def run(self, seconds, every=0.02):
        """Let time pass in steps of `every` seconds."""
        for _ in range(round(seconds / every)):
            self.clock.at += round(every * SECOND)
            while not self.world.catch_up():
                pass

    @staticmethod
    def get(handler, query=""):
        """The rows a public call answers, fractions exact."""
        return json.loads(handler(Request("GET", "", query, {})).body, parse_float=Decimal)
