"""Signing in with an organization's own provider (OpenID Connect Core 1.0): its settings, and whom it vouches for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from frontdesk.domain.catalog import check_name
from frontdesk.domain.errors import Invalid, Unauthenticated, Unavailable
from frontdesk.domain.people import Role

# What id tokens may be signed with: by a key that only the provider has. None that the client's secret could make
# (HS256), and never "none" (RFC 8725, 3.1 and 3.2).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# Milliseconds by which the provider's clock may differ from ours.
SKEW_MS = 60 * 1000
# Characters. OpenID Connect Core, 2: a subject has at most 255.
SUBJECT_MAX = 255
URL_MAX = 2000
# What people see of a provider without a name: "Continue with …".
NAME = "single sign-on"
# Seconds since the epoch.
YEAR_5138 = 10**11
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Provider(Struct, frozen=True, rename="camel"):
    """A provider as an organization set it up. People see `name`.

    Whoever it knows and we don't becomes a user with `roles`; with none of them they are turned away.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = NAME
    roles: tuple[Role, ...] = ()


class Endpoints(Struct, frozen=True):
    """Where a provider says that its parts are (OpenID Connect Discovery 1.0, 3)."""

    authorization: str
    token: str
    keys: str
    # Whether the client's secret goes as HTTP Basic, or in the form.
    basic: bool = True
    # Where it says more of somebody than in the id token; "" where it does not.
    userinfo: str = ""


class Identity(Struct, frozen=True):
    """Whom a provider vouches for. `subject` is as in `people.User`; `email` is "" unless the provider checked it."""

    subject: str
    email: str = ""
    name: str = ""


def check_provider(provider: Provider) -> Provider:
    """The same provider. Raises Invalid."""
    check_name(provider.name)
    if not is_safe(provider.issuer) or urlsplit(provider.issuer).query:
        raise Invalid(
            "invalidIssuer", "Use the provider's https address without query and fragment; http on localhost only.",
            scope="issuer",
        )  # fmt: skip
    if not provider.client_id.isprintable() or not 1 <= len(provider.client_id) <= URL_MAX:
        raise Invalid("invalidClientId", "Send the client id that the provider gave you.", scope="clientId")
    return provider


def is_safe(url: str) -> bool:
    """Whether secrets may be sent there: over TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        here = parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.port != 0
    except ValueError:
        return False
    fits = len(url) <= URL_MAX and url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}#')
    return fits and bool(parts.hostname) and "@" not in parts.netloc and (here or parts.scheme == "https")


def discovery(provider: Provider) -> str:
    """Where the provider describes itself (OpenID Connect Discovery 1.0, 4)."""
    return provider.issuer.rstrip("/") + "/.well-known/openid-configuration"


def endpoints_of(provider: Provider, told: Any) -> Endpoints:
    """What the provider says of itself. Raises Unavailable when it speaks for another, or leaves out what is needed."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    found = (
        [told.get(name) for name in names] if isinstance(told, dict) and told.get("issuer") == provider.issuer else []
    )
    urls = [url for url in (_usable(provider, each) for each in found) if url]
    if len(urls) != len(names):
        raise Unavailable(
            "providerUnusable", "The identity provider's description can't be used; its issuer must be as set up here.",
            scope="issuer",
        )  # fmt: skip
    methods = told.get("token_endpoint_auth_methods_supported")
    # Left out, it is Basic (Discovery, 3).
    basic = not isinstance(methods, list) or "client_secret_basic" in methods
    return Endpoints(urls[0], urls[1], urls[2], basic, _usable(provider, told.get("userinfo_endpoint")))


def _usable(provider: Provider, url: Any) -> str:
    """The same address, "" for one where nothing may be asked."""
    # A provider that is elsewhere must not make us ask what listens on this machine alone.
    here = provider.issuer.startswith("http:")
    return url if isinstance(url, str) and is_safe(url) and (here or url.startswith("https:")) else ""


def identity_of(provider: Provider, claims: Any, nonce: str, now_ms: int) -> Identity:
    """Whom a signed id token is about (OpenID Connect Core, 3.1.3.7). Raises Unauthenticated when it is not for us."""
    if not isinstance(claims, dict) or claims.get("iss") != provider.issuer:
        raise wrong_token("It is of another issuer.")
    if not _is_for(provider.client_id, claims):
        raise wrong_token("It is for another client.")
    if _ms(claims.get("exp")) + SKEW_MS <= now_ms:
        raise wrong_token("It is over.")
    if not 0 < _ms(claims.get("iat")) <= now_ms + SKEW_MS:
        raise wrong_token("It is from the future: compare the clocks.")
    if not nonce or claims.get("nonce") != nonce:
        raise wrong_token("It is of another sign-in.")
    return _identity(provider, claims)


def completed(provider: Provider, identity: Identity, told: Any) -> Identity:
    """With what the provider says of the same person beside the id token; what is about another counts for nothing.

    OpenID Connect Core, 5.3.2: an id token says who it is, and need not say how they are called (5.4).
    """
    if not isinstance(told, dict) or not isinstance(told.get("sub"), str):
        return identity
    more = _identity(provider, told)
    return (
        identity if more.subject != identity.subject else Identity(more.subject, more.email, identity.name or more.name)
    )


def wrong_token(why: str) -> Unauthenticated:
    """The refusal of an id token."""
    return Unauthenticated(
        "invalidIdToken", f"The identity provider's answer is not accepted. {why} Sign in again.", scope="id_token"
    )


def _identity(provider: Provider, claims: dict[str, Any]) -> Identity:
    subject, email, name = (claims.get(field) for field in ("sub", "email", "name"))
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_MAX:
        raise wrong_token("It says nobody's name.")
    checked = isinstance(email, str) and claims.get("email_verified") is True
    return Identity(
        subject=f"{provider.issuer} {subject}",
        email=str(email) if checked else "",
        name=name if isinstance(name, str) else "",
    )


def _is_for(client_id: str, claims: dict[str, Any]) -> bool:
    """The token is for us; and with several audiences, or a party named, it is us who asked for it."""
    audience = claims.get("aud")
    several = isinstance(audience, list)
    mine = client_id in audience if isinstance(audience, list) else audience == client_id
    party = claims.get("azp", client_id if not several or len(audience or ()) == 1 else "")
    return bool(mine) and party == client_id


def _ms(value: Any) -> int:
    """Milliseconds of a NumericDate (RFC 7519, 2); 0 for what is none."""
    # A bool is an int in Python; and infinity is no time.
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < YEAR_5138
    return round(value * 1000) if fits else 0
