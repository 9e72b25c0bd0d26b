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
from actors.sandbox.fault_desk import FaultDesk
from actors.sandbox.faults import Faults
from actors.sandbox.identity import Identity
from actors.sandbox.limits import Group, Limits, Verdict, limit_headers, limited
from actors.sandbox.novelty import renewed
from actors.sandbox.quotation import Quotation
from actors.sandbox.routes import Route, route_of, routes
from actors.sandbox.rules import Rule, Subject
from actors.sandbox.subjects import subject_of
from actors.sandbox.world import World
from domain.errors import StorageError

OK: Final = 200
ADDRESS: Final = "address"  # everybody on loopback shares one
OWN: Final = "/_sandbox/"
DENIALS: Final = ("expired_key", "wrong_ip", "out_of_scope")
_GZIP: Final = 31  # zlib's window bits for a gzip stream
_WORTH_GZIP: Final = 500  # bytes
_REASONS: Final = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


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

    def __init__(self, world: World, identity: Identity, desk: FaultDesk) -> None:
        self.world, self.desk, self.limits = world, desk, Limits()
        self.gatekeeper = Gatekeeper(identity.pockets, lambda: world.choices, world.clock.now)
        self._accounts = {key.access_key: pocket.name for pocket in identity.pockets for key in pocket.keys}
        self._control = Control(world, identity.pockets, desk)
        self._routes = routes(Quotation(world), world, identity.pockets)

    async def answer(self, request: Request) -> Answer:
        """The whole answer, headers included; raises Dropped when there is none, StorageError when all must end."""
        self.world.counts.requests += 1
        if request.path.startswith(OWN):
            self.world.catch_up()
            return self._finished(request, self._safely(request, None))
        self.desk.heard(request.method, request.path)
        subject = subject_of(request, self._accounts)
        if rule := self.strike("latency", subject):
            await asyncio.sleep((rule.ms or 0) / 1000)
        self.world.catch_up()
        status = 0
        try:
            answer = self._safely(request, subject)
            status = answer.status
        finally:
            self.desk.answered(subject, status)
        if rule := self.strike("slow_answer", subject):
            await asyncio.sleep((rule.ms or 0) / 1000)
        if rule := self.strike("novelty", subject):
            answer.body = renewed(answer.body, rule.field, rule.value)
        return self._finished(request, answer)

    def strike(self, fault: str, subject: Subject) -> Rule | None:
        """The rule by which this fault hits this subject now, None when it is spared."""
        return self.world.mischief.strike(fault, subject, self.world.clock.now())

    def admit(self, request: Request, *, private: bool) -> Admission:
        """Whether a socket may open; an unsigned one counts for its address, a signed one for its pocket."""
        self.desk.heard(request.method, request.path)
        subject = subject_of(request, self._accounts)._replace(socket="private" if private else "public")
        admission = self._admission(request, subject, private=private)
        self.desk.answered(subject, 101 if admission.refusal is None else admission.refusal.status)
        return admission

    def _admission(self, request: Request, subject: Subject, *, private: bool) -> Admission:
        if down := self._down(subject):
            return Admission(self._finished(request, down), [], None)
        refused = None
        if private or "authorization" in request.headers:
            try:
                request.caller = self._signed(request, "", subject)
            except Refused as error:
                refused = error if private else None  # nobody asked for it: the socket counts for its address
        group, verdict = self._origin(request) or (limits.SOCKETS, self._count(request, limits.SOCKETS, subject))
        headers = limit_headers(group, verdict.left, by_ip=True)
        if verdict.status != OK:
            headers = [] if self._faults.bare_429 else headers
            return Admission(self._finished(request, limited(verdict, self._faults)), headers, None)
        if refused is not None:
            if self._faults.ws_auth_401:
                return Admission(self._finished(request, refused.answer()), headers, None)
            return Admission(None, headers, ("INVALID_AUTH", "인증 정보가 올바르지 않습니다."))
        return Admission(None, headers, None, request.caller)

    @property
    def _faults(self) -> Faults:
        return self.world.mischief.faults

    def _safely(self, request: Request, subject: Subject | None) -> Answer:
        """An answer whatever happens; `subject` is None for the sandbox's own paths."""
        try:
            if subject is None:
                return self._control.answer(request)
            return self._routed(request, subject)
        except Refused as refused:
            return refused.answer()
        except (Dropped, StorageError):
            raise
        except Exception:  # noqa: BLE001 (the edge of the server: told in full, answered as the exchange would)
            traceback.print_exc(file=sys.stderr)
            return Answer(500, error_body("internal_server_error", "일시적인 오류입니다."))

    def _routed(self, request: Request, subject: Subject) -> Answer:
        if down := self._down(subject):
            return down
        route = route_of(request, self._routes)
        if route is None:
            return no_route()
        if route.private:
            self._check_private(request, route, subject)
        group, verdict = self._limit(request, route, subject)
        answer = self._handled(request, route, subject) if verdict.status == OK else limited(verdict, self._faults)
        if verdict.status == OK or not self._faults.bare_429:
            answer.headers.extend(limit_headers(group, verdict.left, by_ip=not route.private))
        return answer

    def _down(self, subject: Subject) -> Answer | None:
        """During maintenance orders are refused by name, everything else by a page."""
        orders = subject.method == "POST" and subject.path.startswith("/v1/orders")
        return _page(503) if self.desk.effects.maintenance and not orders else None

    def _check_private(self, request: Request, route: Route, subject: Subject) -> None:
        if request.method == "DELETE" and request.body:
            if self.world.choices.delete_body == "refuse":
                raise Refused(400, "QUERY_PARAMETER_NOT_SUPPORTED", "DELETE 요청은 쿼리 파라미터만 지원합니다.")
            request.params.extend(body_pairs(request.body))
        request.caller = self._signed(request, hashed_text(request), subject)
        self.gatekeeper.check_scope(request.caller, route.permission)

    def _signed(self, request: Request, hashed: str, subject: Subject) -> Caller:
        """Who signed a request; raises Refused, also when a fault denies the key."""
        denied = {denial: float(self.strike(denial, subject) is not None) for denial in DENIALS}
        return self.gatekeeper.check(request.headers.get("authorization"), hashed, Faults(**denied), request.address)

    def _origin(self, request: Request) -> tuple[Group, Verdict] | None:
        """What the bucket for browsers says, None when the request has no Origin."""
        if "origin" not in request.headers:
            return None
        return limits.ORIGIN, self.limits.take(ADDRESS, limits.ORIGIN, self.world.clock.now())

    def _limit(self, request: Request, route: Route, subject: Subject) -> tuple[Group, Verdict]:
        if not route.private and (found := self._origin(request)):
            return found
        return route.group, self._count(request, route.group, subject)

    def _count(self, request: Request, group: Group, subject: Subject) -> Verdict:
        """Count a call for its pocket or address, or let a limit strike that was not reached."""
        now, scope = self.world.clock.now(), _scope(request.caller)
        if rule := self.strike("storm", subject):
            self.limits.storm(now + int((rule.ms or 0) * 1000))
        if rule := self.strike("blocked", subject):
            return self.limits.block(scope, now, round(rule.seconds or 0))
        if rule := self.strike("limited", subject):
            return Verdict(limits.TOO_MANY, 0, round(rule.seconds or 0))
        return self.limits.take(scope, group, now)

    def _handled(self, request: Request, route: Route, subject: Subject) -> Answer:
        if rule := self.strike("bad_gateway", subject):
            return _page(rule.status or 502)
        if self.strike("drop_request", subject):
            raise Dropped
        self.world.halted = self.strike("market_offline", subject) is not None
        try:
            answer = route.handler(request)
        except Refused as refused:
            answer = refused.answer()
        finally:
            self.world.halted = False
        if self.strike("lose_response", subject):
            raise Dropped
        if rule := self.strike("error_after", subject):
            return _page(rule.status or 500)
        return answer

    def _finished(self, request: Request, answer: Answer) -> Answer:
        answer.headers.extend(
            (
                ("date", formatdate((self.world.now + self.desk.effects.skew_us) / 1_000_000, usegmt=True)),
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
    """Whom a call counts for."""
    return ADDRESS if caller is None else f"pocket {caller.pocket.uuid}"


def _page(status: int) -> Answer:
    """What a gateway in front of the exchange says: a page; 500 comes from the exchange itself."""
    if status not in _REASONS:
        return Answer(status, error_body("internal_server_error", "일시적인 오류입니다."))
    title = f"{status} {_REASONS[status]}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), "text/html")
