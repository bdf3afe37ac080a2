"""A small honest OpenID Connect provider on real sockets, which can be told to lie.

>>> with Provider() as provider:
...     provider.person = {"sub": "1", "email": "ada@example.com", "email_verified": True}
...     provider.lie = {"nonce": "another"}
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "frontdesk-client", "s3cret:with/odd+signs%"
ACCESS = "access.token-of_the~person=="


class Provider:
    """As a context it serves. `said` are the paths that were asked for."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="oidc-provider")
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}/realms/shop"
        self.person: dict[str, Any] = {"sub": "1", "email": "ada@example.com", "email_verified": True, "name": "Ada"}
        # Where people may be sent back to; empty: anywhere.
        self.redirect_uris: set[str] = set()
        self.keys = [new_key("first")]
        self.methods: list[str] | None = None
        # What is told of the person beside the id token, which has their `sub` only; None: nothing is.
        self.userinfo: dict[str, Any] | None = None
        self.said: list[str] = []
        # How it lies: claims that are put in place of the true ones (None: left out), a token or answers of another's.
        self.lie: dict[str, Any] = {}
        self.forged: Callable[[dict[str, Any]], str] | None = None
        self.answers: dict[str, tuple[int, bytes]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Be away."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def ask(self, path: str) -> None:
        """Note what is asked for."""
        self.said.append(path.removeprefix(urlsplit(self.issuer).path))

    def described(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, 3."""
        told: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        if self.userinfo is not None:
            told["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return told if self.methods is None else {**told, "token_endpoint_auth_methods_supported": self.methods}

    def key_set(self) -> dict[str, Any]:
        """RFC 7517, 5, with keys in it that nobody here can use."""
        strange = [{"kty": "XYZ", "kid": "x"}, {"kty": "RSA", "kid": "broken"}, "no key"]
        return {"keys": [*strange, *(key.as_dict(private=False) for key in self.keys)]}

    def authorize(self, fields: dict[str, str]) -> str:
        """Sign the person in at once: where they are sent back to. Raises ValueError for what is not by the book."""
        right = (
            fields["client_id"] == CLIENT
            and fields["response_type"] == "code"
            and "openid" in fields["scope"].split()
            and fields["code_challenge_method"] == "S256"
            and (not self.redirect_uris or fields["redirect_uri"] in self.redirect_uris)
        )
        if not right:
            raise ValueError(fields)
        code = secrets.token_urlsafe(16)
        self._codes[code] = fields
        return f"{fields['redirect_uri']}?{urlencode({'code': code, 'state': fields['state'], 'iss': self.issuer})}"

    def token(self, fields: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """RFC 6749, 4.1.3 and 5.2; RFC 7636, 4.6."""
        if not self._is_client(fields, authorization):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(fields.get("code", ""), None)
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or fields.get("grant_type") != "authorization_code"
            or fields.get("redirect_uri") != asked["redirect_uri"]
            or asked["code_challenge"] != challenge
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": ACCESS, "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}

    def _is_client(self, fields: dict[str, str], authorization: str) -> bool:
        if "client_secret_post" in (self.methods or ()):
            return (fields.get("client_id"), fields.get("client_secret")) == (CLIENT, SECRET)
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        name, _, secret = given.partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)

    def _id_token(self, nonce: str) -> str:
        now = self._now_ms() // 1000
        person = self.person if self.userinfo is None else {"sub": self.person["sub"]}
        true = {"iss": self.issuer, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300, **person}
        claims = {name: value for name, value in {**true, **self.lie}.items() if value is not None}
        if self.forged is not None:
            return self.forged(claims)
        return signed(claims, self.keys[-1])


def new_key(kid: str) -> RSAKey:
    """A key that signs."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def signed(claims: dict[str, Any], key: RSAKey) -> str:
    """An id token."""
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def unsigned(claims: dict[str, Any]) -> str:
    """A token that says it needs no signature (RFC 7519, 6)."""
    return _unsigned("none", claims) + "."


def signed_with_the_public_key(claims: dict[str, Any], key: RSAKey) -> str:
    """A token whose signature takes what everybody knows for a shared secret (RFC 8725, 2.1)."""
    text = _unsigned("HS256", claims)
    return f"{text}.{_text(hmac.digest(key.as_pem(private=False), text.encode(), 'sha256'))}"


def _unsigned(algorithm: str, claims: dict[str, Any]) -> str:
    return ".".join(_text(json.dumps(each).encode()) for each in ({"alg": algorithm, "typ": "JWT"}, claims))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            provider.ask(path)
            if path.endswith("/authorize"):
                try:
                    self._send(302, b"", location=provider.authorize(dict(parse_qsl(query))))
                except (KeyError, ValueError):
                    self._send(400, b"not by the book")
            elif path.endswith("/userinfo"):
                good = self.headers.get("authorization") == f"Bearer {ACCESS}"
                self._told(200 if good else 401, provider.userinfo or {})
            else:
                told = provider.key_set() if path.endswith("/keys") else provider.described()
                self._told(200, told)

        def do_POST(self) -> None:
            provider.ask(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._told(*provider.token(dict(parse_qsl(body)), self.headers.get("authorization", "")))

        def _told(self, status: int, told: dict[str, Any]) -> None:
            name = self.path.rpartition("/")[2]
            lie = provider.answers.get(name)
            self._send(*(lie or (status, json.dumps(told).encode())))

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - its name in the standard library
            pass

    return Handler
