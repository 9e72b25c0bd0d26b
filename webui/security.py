"""Who may ask what: host names, origins, the browser's session, CSRF tokens, and the headers of every answer."""

import hashlib
import hmac
import re
import secrets

from flask import Flask, Response, abort, g, request

COOKIE = "baeu_browser"
HOSTS = ("127.0.0.1", "localhost")
BODY_MAX = 64 * 1024
FORM_PARTS_MAX = 20

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_SESSION_NEEDED = frozenset({"static", "home.home", "visit.csp"})
_NO_TOKEN_NEEDED = frozenset({"visit.csp"})  # the browser itself sends these


class Guard:
    """Checks every request before its view, and signs the CSRF tokens of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.boot = secrets.token_urlsafe(9)  # tells pages of an earlier process that their tokens are worth nothing

    def install(self, app: Flask) -> None:
        """Put the checks before and the headers behind every view of `app`."""
        app.config.update(MAX_CONTENT_LENGTH=BODY_MAX, MAX_FORM_MEMORY_SIZE=BODY_MAX, MAX_FORM_PARTS=FORM_PARTS_MAX)
        app.before_request(self.check)
        app.after_request(add_headers)

    def check(self) -> None:
        """Refuse what does not come from a page of ours in a browser of ours."""
        _check_host()
        g.browser, g.browser_is_new = _session()
        if request.endpoint == "ws":
            _check_origin(required=True)
        elif request.method not in _SAFE:
            _check_origin(required=request.endpoint not in _NO_TOKEN_NEEDED)
        if request.endpoint is None:  # there is no such page: nothing to protect
            return
        if g.browser_is_new and request.endpoint not in _NO_SESSION_NEEDED:
            abort(401)
        if request.method not in _SAFE and request.endpoint not in _NO_TOKEN_NEEDED:
            given = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
            if not hmac.compare_digest(given.encode(), self.csrf().encode()):
                abort(403)

    def csrf(self) -> str:
        """The token of the browser being answered."""
        browser: str = g.browser
        return hmac.new(self._key, b"csrf:" + browser.encode(), hashlib.sha256).hexdigest()


def add_headers(response: Response) -> Response:
    """Security headers on every answer; nothing but static files may be kept by a cache."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if g.get("browser_is_new") and request.endpoint == "home.home" and not is_cross_site():
        response.set_cookie(COOKIE, g.browser, httponly=True, samesite="Strict", path="/")
    return response


def is_cross_site() -> bool:
    """Whether another site led here: then the browser kept our cookie back, though it may have one."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def _session() -> tuple[str, bool]:
    """The browser's random name and whether it was made just now."""
    known = request.cookies.get(COOKIE, "")
    if _SESSION.fullmatch(known):
        return known, False
    return secrets.token_urlsafe(32), True


def _check_host() -> None:
    """Only names of this computer: a page that lets its own name point here (DNS rebinding) is refused."""
    name, _, port = request.host.partition(":")
    if name not in HOSTS or (port and not port.isdecimal()):
        abort(421)


def _check_origin(*, required: bool) -> None:
    """Refuse requests that a page of another site caused. Every browser of this decade sends one of both headers."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    ours = f"{request.scheme}://{request.host}"
    told = [site == "same-origin"] if site is not None else []
    if origin is not None:
        told.append(origin == ours)
    if not all(told) or (required and not told):
        abort(403)
    if request.endpoint == "ws" and origin is None:
        abort(403)
