"""Cross-origin rules (Fetch Standard, 3.2): every answer carries them, refusals and faults included.

Without them a browser hides the answer, and a client that can't read a 429 believes its session is gone.
"""

from __future__ import annotations

from functools import lru_cache

from frontdesk.domain.model import Organization
from frontdesk.http.wire import Headers

# Seconds. Browsers cap it themselves (Chromium at two hours); each preflight saved is a round trip saved.
MAX_AGE = 7200
ALLOWED = b"accept, authorization, content-type, idempotency-key, last-event-id, via-client-sessionid, x-api-key"
_EXPOSED = (b"access-control-expose-headers", b"retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset")
ANY: Headers = ((b"access-control-allow-origin", b"*"), _EXPOSED)
_VARY = (b"vary", b"origin")


@lru_cache(maxsize=1024)
def _listed(allowed: tuple[str, ...], origin: bytes) -> Headers:
    if origin.decode("latin-1") in allowed:
        return ((b"access-control-allow-origin", origin), _VARY, _EXPOSED)
    # No origin, or one that may not read this: name one that may, so that a cache can't mistake it.
    return ((b"access-control-allow-origin", allowed[0].encode()) if allowed else _VARY, _VARY)


def headers(organization: Organization | None, origin: bytes) -> Headers:
    """The CORS headers of an answer. An unknown organization has nothing to hide."""
    if organization is None or "*" in organization.allowed_origins:
        return ANY
    return _listed(organization.allowed_origins, origin)


def preflight(methods: tuple[str, ...]) -> Headers:
    """What an OPTIONS answer adds."""
    return (
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", ALLOWED),
        (b"access-control-max-age", b"%d" % MAX_AGE),
    )
