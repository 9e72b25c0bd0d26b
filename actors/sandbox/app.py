"""The REST side as a whole: finds the handler, checks limits and signatures, and lets the faults strike."""

import asyncio
import sys
import traceback
import zlib
from email.utils import formatdate
from typing import Final, NamedTuple

from actors.sandbox import limits
from actors.sandbox.accounts import Caller
from actors.sandbox.answers import Answer, Dropped, Refused, Request, error_body, no_route
from actors.sandbox.auth import Gatekeeper, body_pairs, hashed_text
from actors.sandbox.control import Control
from actors.sandbox.identity import Identity
from actors.sandbox.limits import Group, Limits, limit_headers, limited
from actors.sandbox.quotation import Quotation
from actors.sandbox.routes import Route, route_of, routes
from actors.sandbox.world import World
from domain.errors import StorageError

OK: Final = 200
ADDRESS: Final = "address"  # everybody on loopback shares one
_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_GZIP: Final = 31  # zlib's window bits for a gzip stream
_WORTH_GZIP: Final = 500  # bytes


class Admission(NamedTuple):
    """What becomes of an upgrade: a refusal instead; or headers for it, and an error to say before closing.

    `caller` is who signed the upgrade of a private socket.
    """

    refusal: Answer | None
    headers: list[tuple[str, str]]
    error: tuple[str, str] | None
    caller: Caller | None = None


class App:
    """Answers requests about one world."""

    def __init__(self, world: World, identity: Identity) -> None:
        self.world, self.limits = world, Limits()
        self.gatekeeper = Gatekeeper(identity.pockets, lambda: world.choices, world.clock.now)
        self._control = Control(world, identity.pockets)
        self._routes = routes(Quotation(world), world, identity.pockets)

    async def answer(self, request: Request) -> Answer:
        """The whole answer, headers included; raises Dropped when there is none, StorageError when all must end."""
        mischief = self.world.mischief
        if mischief.strikes(mischief.faults.latency):
            await asyncio.sleep(mischief.faults.latency_ms / 1000)
        self.world.catch_up()
        self.world.counts.requests += 1
        try:
            answer = self._routed(request)
        except Refused as refused:
            answer = refused.answer()
        except (Dropped, StorageError):
            raise
        except Exception:  # noqa: BLE001 (the edge of the server: told in full, answered as the exchange would)
            traceback.print_exc(file=sys.stderr)
            answer = Answer(500, error_body("internal_server_error", "일시적인 오류입니다."))
        return self._finished(request, answer)

    def admit(self, request: Request, *, private: bool) -> Admission:
        """Whether a socket may open; an unsigned one counts for its address, a signed one for its pocket."""
        now, faults = self.world.clock.now(), self.world.mischief.faults
        caller, refused = None, None
        if private:
            try:
                caller = self.gatekeeper.check(request.headers.get("authorization"), "", faults, request.address)
            except Refused as error:
                refused = error
        group, verdict = self._origin(request.headers, now) or (
            limits.SOCKETS,
            self.limits.take(_scope(caller), limits.SOCKETS, now),
        )
        headers = limit_headers(group, verdict.left, by_ip=True)
        if verdict.status != OK:
            headers = [] if faults.bare_429 else headers
            return Admission(self._finished(request, limited(verdict, faults)), headers, None)
        if refused is not None:
            if faults.ws_auth_401:
                return Admission(self._finished(request, refused.answer()), headers, None)
            return Admission(None, headers, ("INVALID_AUTH", "인증 정보가 올바르지 않습니다."))
        return Admission(None, headers, None, caller)

    def _origin(self, headers: dict[str, str], now: int) -> tuple[Group, limits.Verdict] | None:
        """What the bucket for browsers says, None when the request has no Origin."""
        return (limits.ORIGIN, self.limits.take(ADDRESS, limits.ORIGIN, now)) if "origin" in headers else None

    def _routed(self, request: Request) -> Answer:
        if request.path.startswith("/_sandbox/"):
            return self._control.answer(request)
        route = route_of(request, self._routes)
        if route is None:
            return no_route()
        if route.private:
            self._check_private(request, route)
        group, verdict = self._limit(request, route)
        passes, faults = verdict.status == OK, self.world.mischief.faults
        answer = self._handled(request, route) if passes else limited(verdict, faults)
        if passes or not faults.bare_429:
            answer.headers.extend(limit_headers(group, verdict.left, by_ip=not route.private))
        return answer

    def _check_private(self, request: Request, route: Route) -> None:
        if request.method == "DELETE" and request.body:
            if self.world.choices.delete_body == "refuse":
                raise Refused(400, "QUERY_PARAMETER_NOT_SUPPORTED", "DELETE 요청은 쿼리 파라미터만 지원합니다.")
            request.params.extend(body_pairs(request.body))
        header, faults = request.headers.get("authorization"), self.world.mischief.faults
        request.caller = self.gatekeeper.check(header, hashed_text(request), faults, request.address)
        self.gatekeeper.check_scope(request.caller, route.permission)

    def _limit(self, request: Request, route: Route) -> tuple[Group, limits.Verdict]:
        now, mischief = self.world.clock.now(), self.world.mischief
        if mischief.strikes(mischief.faults.storm):
            self.limits.storm(now + int(mischief.faults.storm_ms * 1000))
        if not route.private and (found := self._origin(request.headers, now)):
            return found
        return route.group, self.limits.take(_scope(request.caller), route.group, now)

    def _handled(self, request: Request, route: Route) -> Answer:
        mischief, faults = self.world.mischief, self.world.mischief.faults
        if request.method == "GET" and mischief.strikes(faults.bad_gateway):
            return Answer(502, _PAGE, "text/html")
        orders = (request.method, request.path) == ("POST", "/v1/orders")
        if orders and mischief.strikes(faults.drop_request):
            raise Dropped
        try:
            answer = route.handler(request)
        except Refused as refused:
            answer = refused.answer()
        if orders and mischief.strikes(faults.lose_response):
            raise Dropped
        if orders and mischief.strikes(faults.error_after):
            return Answer(500, error_body("internal_server_error", "일시적인 오류입니다."))
        return answer

    def _finished(self, request: Request, answer: Answer) -> Answer:
        answer.headers.extend(
            (
                ("date", formatdate(self.world.now / 1_000_000, usegmt=True)),
                ("cache-control", "no-cache, no-store, max-age=0, must-revalidate"),
                ("content-type", answer.content_type),
            )
        )
        public = any(name == "limit-by-ip" for name, _ in answer.headers)
        if public and "gzip" in request.headers.get("accept-encoding", "") and len(answer.body) >= _WORTH_GZIP:
            packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
            answer.body = packer.compress(answer.body) + packer.flush()
            answer.headers.append(("content-encoding", "gzip"))
        return answer


def _scope(caller: Caller | None) -> str:
    """Who a call counts for."""
    return ADDRESS if caller is None else f"pocket {caller.pocket.uuid}"
