"""An exchange that has moved on: fields and values in its JSON that no client has seen."""

import json
import re


def renewed(body: bytes, field: str, value: str) -> bytes:
    """The same JSON with one more field in every object, and `value` wherever `field` ("": none) has a text."""
    if body[:1] not in {b"{", b"["}:
        return body
    fresh = body.replace(b'{"', b'{"novelty":{"of":[1,null]},"')
    if not field:
        return fresh
    name, text = re.escape(json.dumps(field).encode()), json.dumps(value).encode()
    return re.sub(rb"(%s: ?)\"[^\"]*\"" % name, lambda found: found[1] + text, fresh)
