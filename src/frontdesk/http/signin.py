"""Where people sign in for a client (RFC 6749, 4.1): the page, what it sends, and the way over a provider and back.

Nothing is stored until somebody has signed in. Until it is sure where the client is, refusals are shown on a page of
ours; from then on they are told to the client (RFC 6749, 4.1.2.1), but for those that people can do something about.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import urlencode

from frontdesk.actions.directory import LiveDirectory, digest
from frontdesk.actions.journeys import LIFE_MS, Journeys
from frontdesk.actions.lockouts import Caller
from frontdesk.actions.oauth import OAuth, check_redirect
from frontdesk.actions.oidc import Oidc, provider_refused
from frontdesk.actions.providers import provider_of
from frontdesk.actions.signing_in import Signed, SigningIn
from frontdesk.domain.errors import Invalid, NotFound, Refusal, TooMany, Unauthenticated, Unavailable
from frontdesk.domain.limits import Rate
from frontdesk.domain.model import Organization
from frontdesk.domain.oidc import Provider
from frontdesk.domain.people import Client
from frontdesk.http.forms import form, needed, query
from frontdesk.http.later import Later
from frontdesk.http.limits import Limiter, Shared
from frontdesk.http.oauth import Address
from frontdesk.http.public import Limits
from frontdesk.http.routes import Route
from frontdesk.http.signin_page import AUTHORIZE, BACK, LEAVE, Form, cookie, cookies_of, form_page, trouble_page
from frontdesk.http.wire import Answer, Call, Result, failure_answer
from frontdesk.ports import Clock, Store

# What of a request for sign-in is kept through it (RFC 6749, 4.1.1; RFC 7636, 4.3).
_ASKED = (
    "realm", "client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method",
)  # fmt: skip
# Holds what a form must send back: another site can make a browser send our form, and can't read our cookies.
_CHECK, _JOURNEY = "frontdesk_check", "frontdesk_journey"
_CHECKED = re.compile(r"[A-Za-z0-9_-]{32}")
# Tries of one login, right or wrong, over all nodes: far more than people need, and few enough for the count of wrong
# ones in each node's own memory to be enough.
_OVER_ALL_NODES = Rate(20, 1800)


class Asked(NamedTuple):
    """A request for sign-in whose client is known."""

    fields: dict[str, str]
    organization: Organization
    client: Client
    redirect_uri: str


class SignInPages:
    """The endpoints."""

    def __init__(  # noqa: PLR0913, PLR0917 - the wiring names each part once
        self,
        directory: LiveDirectory,
        signing_in: SigningIn,
        oauth: OAuth,
        oidc: Oidc,
        journeys: Journeys,
        store: Store,
        clock: Clock,
        limits: Limits,
        limiter: Limiter,
        address: Address,
    ) -> None:
        self._directory = directory
        self._signing_in = signing_in
        self._oauth = oauth
        self._oidc = oidc
        self._journeys = journeys
        self._clock = clock
        self._limits = limits
        self._url = address.of
        # Each costs a look at a password, or a request to a provider.
        self._per_address = limiter
        self._per_login = Limiter("tooManySignIns", "sign-ins of one login", _OVER_ALL_NODES)
        self._later = Later(store, _trouble)

    # ---- endpoints

    def show(self, call: Call) -> Result:
        """The page on which people sign in."""
        try:
            asked = self._asked(query(call))
        except Refusal as refusal:
            return trouble_page(refusal)
        return self._refused_to_client(call, asked) or self._page(call, asked, login=query(call).get("login_hint", ""))

    def sign_in(self, call: Call) -> Result:
        """The form of the page, sent; right, it leads back to the client with a code."""
        return self._with_asked(call, query, self._sign_in)

    def leave(self, call: Call) -> Result:
        """Off to the organization's provider."""
        return self._with_asked(call, query, self._leave)

    def back(self, call: Call) -> Result:
        """Back from the provider; and with a code of ours back to the client."""

        async def work() -> Answer:
            try:
                self._per_address.check(call.address, self._clock.now_ms())
                fields = query(call)
                sealed = _cookies(call).get(_JOURNEY, "")
                journey = self._journeys.open(sealed, needed(fields, "state"), self._clock.now_ms())
                asked = self._asked(journey.asked)
            except Refusal as refusal:
                return trouble_page(refusal)
            answer = await self._tried(call, asked, lambda: self._arrive(call, asked, fields, sealed))
            # Whatever came of it, the same way back leads nowhere a second time.
            return self._with_cookie(call, answer, _JOURNEY, "", 0)

        return self._later(work)

    # ---- by password

    async def _sign_in(self, call: Call, asked: Asked) -> Answer:
        fields: dict[str, str] = {}
        try:
            fields = form(call)
            self._check_form(call, fields)
            caller = Caller(asked.organization.org_id, needed(fields, "login"), call.address)
            password = needed(fields, "password")
            if self._limits.shared is not None:
                # As a digest: it is counted in the database, and people type their password where the login belongs.
                await _over_all(self._limits.shared, self._per_login, digest(caller.account))
            signed = await self._signing_in.by_password(caller, password)
        except Refusal as refusal:
            return self._page(call, asked, refusal, fields.get("login", ""))
        return await self._let_in(call, asked, signed)

    def _check_form(self, call: Call, fields: dict[str, str]) -> None:
        """Raises Invalid unless the form was sent from our page."""
        sent, kept = fields.get("check", ""), _cookies(call).get(_CHECK, "")
        if not _CHECKED.fullmatch(kept) or not hmac.compare_digest(sent.encode(), kept.encode()):
            raise Invalid(
                "staleForm", "This page was open in another window, or your browser keeps no cookies. Try again.",
                scope="check",
            )  # fmt: skip

    # ---- by a provider

    async def _leave(self, call: Call, asked: Asked) -> Answer:
        provider = self._provider(asked)
        journey = self._journeys.begin(asked.organization.org_id, asked.fields, self._clock.now_ms())
        address = await self._oidc.address(provider, journey, self._url(call) + BACK)
        return self._with_cookie(call, _go(address), _JOURNEY, self._journeys.seal(journey), LIFE_MS // 1000)

    async def _arrive(self, call: Call, asked: Asked, fields: dict[str, str], sealed: str) -> Answer:
        caller = Caller(asked.organization.org_id, "", call.address)
        journey = self._journeys.open(sealed, fields["state"], self._clock.now_ms())
        try:
            provider = self._provider(asked)
            # RFC 9207: the answer of another provider must not be taken to this one.
            if "code" not in fields or fields.get("iss", provider.issuer) != provider.issuer:
                raise provider_refused()
            identity = await self._oidc.identify(provider, journey, self._url(call) + BACK, fields["code"])
        except Unauthenticated as refusal:
            await self._signing_in.failed(caller, refusal)
            raise
        signed = await self._signing_in.by_provider(caller, provider, identity)
        return await self._let_in(call, asked, signed)

    def _provider(self, asked: Asked) -> Provider:
        found = provider_of(self._directory, asked.organization.org_id)
        if found is None:
            raise NotFound("noProvider", "People sign in here with a password.", scope="realm")
        return found

    # ---- what both have in common

    def _asked(self, fields: dict[str, str]) -> Asked:
        """Raises NotFound, Invalid where people must not be sent back to the client."""
        organization = self._directory.organization(needed(fields, "realm"))
        client = self._directory.client(organization.org_id, needed(fields, "client_id"))
        if client is None:
            raise Invalid("unknownClient", "The page that sent you here is not known to us.", scope="client_id")
        redirect_uri = needed(fields, "redirect_uri")
        check_redirect(client, redirect_uri)
        kept = {name: fields[name] for name in (*_ASKED, "prompt") if name in fields}
        return Asked(kept, organization, client, redirect_uri)

    def _refused_to_client(self, call: Call, asked: Asked) -> Answer | None:
        """The refusal of a request that no page can put right, as the client is told it; None when it is right."""
        fields = asked.fields
        if fields.get("response_type") != "code":
            return self._to_client(call, asked, error="unsupported_response_type")
        if fields.get("prompt") == "none":
            # Nobody stays signed in here: the client has a refresh token for that.
            return self._to_client(call, asked, error="login_required")
        challenge, method = fields.get("code_challenge", ""), fields.get("code_challenge_method", "")
        try:
            self._oauth.asked(asked.client, asked.redirect_uri, fields.get("scope", ""), challenge, method)
        except Invalid as refusal:
            return self._to_client(call, asked, error=_word(refusal), error_description=refusal.message)
        return None

    def _with_asked(
        self, call: Call, fields: Callable[[Call], dict[str, str]], work: Callable[[Call, Asked], Awaitable[Answer]]
    ) -> Result:
        async def run() -> Answer:
            try:
                self._per_address.check(call.address, self._clock.now_ms())
                asked = self._asked(fields(call))
            except Refusal as refusal:
                return trouble_page(refusal)
            return self._refused_to_client(call, asked) or await self._tried(call, asked, partial(work, call, asked))

        return self._later(run)

    async def _tried(self, call: Call, asked: Asked, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """What came of it; a refusal on the page, where one can try again."""
        try:
            return await work()
        except Refusal as refusal:
            return self._page(call, asked, refusal)

    async def _let_in(self, call: Call, asked: Asked, signed: Signed) -> Answer:
        fields = asked.fields
        try:
            code = await self._oauth.authorize(
                signed.user, asked.client, asked.redirect_uri, fields.get("scope", ""), fields["code_challenge"],
                signed.note,
            )  # fmt: skip
        except Invalid as refusal:
            await self._signing_in.turned_away(signed, refusal)
            return self._to_client(call, asked, error=_word(refusal), error_description=refusal.message)
        return self._to_client(call, asked, code=code)

    def _to_client(self, call: Call, asked: Asked, **fields: str) -> Answer:
        """Back to where somebody came from (RFC 6749, 4.1.2; RFC 9207)."""
        state = {"state": asked.fields["state"]} if "state" in asked.fields else {}
        joint = "&" if "?" in asked.redirect_uri else "?"
        return _go(f"{asked.redirect_uri}{joint}{urlencode({**fields, **state, 'iss': self._url(call)})}")

    def _page(self, call: Call, asked: Asked, refusal: Refusal | None = None, login: str = "") -> Answer:
        kept = _cookies(call).get(_CHECK, "")
        # The same in all windows, or opening a second one would spoil the first.
        check = kept if _CHECKED.fullmatch(kept) else secrets.token_urlsafe(24)
        provider = provider_of(self._directory, asked.organization.org_id)
        shown = Form(
            asked=asked.fields,
            organization=asked.organization.name,
            client=asked.client.name,
            check=check,
            provider=provider.name if provider is not None else "",
            login=login,
        )
        return self._with_cookie(call, form_page(shown, refusal), _CHECK, check, None)

    def _with_cookie(self, call: Call, answer: Answer, name: str, value: str, seconds: int | None) -> Answer:
        secure = self._url(call).startswith("https://")
        made = cookie(name, value, seconds, secure=secure)
        return Answer(answer.status, answer.body, (*answer.headers, made))


def _trouble(error: BaseException) -> Answer:
    """A page for what nobody foresaw; the trace is logged, as for every answer."""
    status = failure_answer(error).status
    unforeseen = Unavailable("internalError", "Something went wrong on our side. Try again in a moment.")
    page = trouble_page(error if isinstance(error, Refusal) else unforeseen)
    return Answer(status, page.body, page.headers)


def _go(address: str) -> Answer:
    # 303: the browser must not send the form, with the password in it, once more (RFC 9700, 4.12).
    headers = ((b"location", address.encode()), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))
    return Answer(303, headers=headers)


def _cookies(call: Call) -> dict[str, str]:
    return cookies_of(call.request.headers.get(b"cookie", b""))


def _word(refusal: Refusal) -> str:
    return "invalid_scope" if refusal.reason == "invalidScope" else "invalid_request"


async def _over_all(shared: Shared, limiter: Limiter, account: str) -> None:
    """Raises TooMany when the nodes together looked at too many tries."""
    told: asyncio.Future[TooMany | None] = asyncio.get_running_loop().create_future()
    shared.check([(limiter, account)], told.set_result)
    refusal = await told
    if refusal is not None:
        raise refusal


def routes(pages: SignInPages) -> tuple[Route, ...]:
    """The pages of signing in."""
    tag, html = "Signing in", "text/html"
    return (
        Route("GET", AUTHORIZE, pages.show, name="show", tag=tag, summary="Sign in", success=200, media=html),
        Route("POST", AUTHORIZE, pages.sign_in, name="sign_in", tag=tag, summary="Sign in", success=303, media=html),
        Route("GET", LEAVE, pages.leave, name="leave", tag=tag, summary="Go to the provider", success=303, media=html),
        Route("GET", BACK, pages.back, name="back", tag=tag, summary="Back from it", success=303, media=html),
    )
