"""The actor runtime: atomic journaled turns on pykka, and three hosts for the same actor classes."""

from actors.runtime.actor import Actor, Context, Outlet
from actors.runtime.clock import Clock, ScaledClock, wall_clock
from actors.runtime.errors import (
    ForbiddenAsk,
    HandlerCrashed,
    InjectedCrash,
    NoAnswer,
    OutsideTurn,
    ReplayDivergence,
)
from actors.runtime.faults import Faults
from actors.runtime.journal import JournalOptions
from actors.runtime.messages import (
    ActorCrashed,
    ActorRestarted,
    DeadLetterFound,
    Recovered,
    RestartDue,
    Restarted,
)
from actors.runtime.post import Stats
from actors.runtime.record import Record, Status
from actors.runtime.replay import Replay, ReplayReport, replay, replay_records
from actors.runtime.simulator import SimulatorHost
from actors.runtime.supervisor import SUPERVISOR, Supervisor
from actors.runtime.threads import ThreadHost, exit_process
from actors.runtime.topology import ActorSpec, Topology

__all__ = [
    "SUPERVISOR",
    "Actor",
    "ActorCrashed",
    "ActorRestarted",
    "ActorSpec",
    "Clock",
    "Context",
    "DeadLetterFound",
    "Faults",
    "ForbiddenAsk",
    "HandlerCrashed",
    "InjectedCrash",
    "JournalOptions",
    "NoAnswer",
    "Outlet",
    "OutsideTurn",
    "Record",
    "Recovered",
    "Replay",
    "ReplayDivergence",
    "ReplayReport",
    "RestartDue",
    "Restarted",
    "ScaledClock",
    "SimulatorHost",
    "Stats",
    "Status",
    "Supervisor",
    "ThreadHost",
    "Topology",
    "exit_process",
    "replay",
    "replay_records",
    "wall_clock",
]
