"""What we rely on in pykka beyond its documented interface: when this fails, read the runtime before upgrading."""

import inspect
import logging

import pykka
import pytest
from pykka._envelope import Envelope

from actors.runtime.parcel import GuardedFuture

from .conftest import Bench
from .sample import Added, TotalAsked


def test_the_names_we_override_or_call_are_there() -> None:
    for name in (
        "_create_actor_inbox",
        "_create_future",
        "_start_actor_loop",
        "_actor_loop",
        "_handle_receive",
        "_stop",
    ):
        assert callable(getattr(pykka.Actor, name)), name


def test_the_actor_makes_its_inbox_through_the_hook_before_its_ref() -> None:
    source = inspect.getsource(pykka.Actor.__init__)
    assert source.index("_create_actor_inbox()") < source.index("ActorRef(self)")


def test_an_envelope_is_a_message_and_a_place_for_the_answer() -> None:
    assert Envelope(1).reply_to is None
    assert Envelope(1, reply_to=2).message == 1


def test_a_ref_asks_through_the_classes_future(bench: Bench) -> None:
    with bench.host() as host:
        ref = host.cells["counter"].actor.actor_ref
        assert type(ref.actor_class._create_future()) is GuardedFuture
        assert ref.actor_inbox is host.cells["counter"].mailbox


def test_our_actors_are_not_in_the_global_registry_so_nothing_can_stop_them_all(bench: Bench) -> None:
    with bench.host() as host:
        assert not [ref for ref in pykka.ActorRegistry.get_all() if ref.actor_inbox is host.cells["sink"].mailbox]
        pykka.ActorRegistry.stop_all()
        host.tell("counter", Added(1))
        assert host.ask("counter", TotalAsked()) == 1


def test_a_system_exit_in_a_handler_is_a_crash_like_any_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench.host() as host:
        actor = host.cells["counter"].actor
        monkeypatch.setattr(type(actor), "_add", _leave)
        host.tell("counter", Added(1))
        bench.wait_for(lambda message: getattr(message, "kind", "") == "dead_letter")
        assert host.ask("counter", TotalAsked()) == 0
        assert host.stats().crashes == 2


def _leave(self: object, n: int) -> None:
    raise SystemExit(n)


def test_pykka_logs_no_error_in_a_whole_life(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="pykka"), bench.host() as host:
        host.tell("counter", Added(13))
        bench.wait_for(lambda message: getattr(message, "kind", "") == "dead_letter")
    assert [record for record in caplog.records if record.name == "pykka"] == []
