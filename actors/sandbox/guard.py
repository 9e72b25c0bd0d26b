"""Who may use the sandbox's own paths: programs and pages of this computer, never a web page from elsewhere."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from actors.sandbox.answers import Refused, Request

_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SITES: Final = frozenset({"same-origin", "none"})


def check_local(request: Request) -> None:
    """Raise Refused unless a request comes from this computer, by one of its local names, and from no foreign page.

    A page that a browser shows can send requests here; its name in `Host` (DNS rebinding), `Origin` or
    `Sec-Fetch-Site` gives it away.
    """
    headers = request.headers
    host, origin = headers.get("host", ""), headers.get("origin")
    foreign_page = origin is not None and origin != f"http://{host}"
    foreign_site = headers.get("sec-fetch-site", "none") not in _SITES
    if not ip_address(request.address).is_loopback or _name(host) not in _HOSTS or foreign_page or foreign_site:
        raise Refused(
            403, "forbidden", "only this computer may use the sandbox's own paths, and no page from elsewhere"
        )


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
