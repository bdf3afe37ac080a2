"""Asking an identity provider over HTTP: few requests, each short, and none that follows where it is sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import httpx

# Seconds for a whole request: somebody waits for the page.
_SECONDS = 8
# Bytes of an answer. Descriptions and keys have a few thousand.
_ANSWER_MAX = 256 * 1024


class HttpWeb:
    """`actions.oidc.Web` over HTTP. Proxies and certificates are found as HTTPS_PROXY and SSL_CERT_FILE say."""

    def __init__(self) -> None:
        self._tls: ssl.SSLContext | None = None

    async def get(self, url: str, token: str = "") -> bytes:
        """See `actions.oidc.Web`."""
        status, body = await self._ask("GET", url, token=token)
        if status != HTTPStatus.OK:
            raise OSError(f"{url} answers {status}")
        return body

    async def post(self, url: str, fields: Mapping[str, str], basic: tuple[str, str] | None) -> tuple[int, bytes]:
        """See `actions.oidc.Web`."""
        return await self._ask("POST", url, fields, basic)

    async def _ask(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        *,
        token: str = "",
    ) -> tuple[int, bytes]:
        headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        if self._tls is None:
            # Reading the certificates takes as long as a hundred chats.
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx.AsyncClient(verify=self._tls, timeout=_SECONDS) as client,
                client.stream(method, url, data=fields, auth=basic, headers=headers) as answer,
            ):
                return answer.status_code, await _body(answer)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            # Without its text, which may quote what was sent.
            raise OSError(f"{url} can't be reached ({type(error).__name__})") from None


async def _body(answer: httpx.Response) -> bytes:
    body = b""
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > _ANSWER_MAX:
            raise OSError(f"{answer.url.host} answers with more than {_ANSWER_MAX} bytes")
    return body
