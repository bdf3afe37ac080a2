"""The sign-in page: plain HTML that works without script, and lets nothing run but what is ours."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from frontdesk.domain.errors import Refusal, TooMany, Unavailable
from frontdesk.http.oauth import BASE
from frontdesk.http.wire import STATUS, Answer, Headers

AUTHORIZE, LEAVE, BACK = f"{BASE}/authorize", f"{BASE}/oidc/start", f"{BASE}/oidc/callback"
# Where cookies go: to the pages of signing in, and to nothing else.
_COOKIE = f"Path={BASE}; HttpOnly; SameSite=Lax"
_HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_page = Template(files("frontdesk.http").joinpath("pages", "signin.html").read_text(encoding="utf-8"))
# Which refusals are about what was typed.
_TYPED = frozenset({"login", "password"})
_ALERT = '<p class="alert" id="problem" role="alert">{}</p>'


class Form(Struct, frozen=True, kw_only=True):
    """What the page shows. `asked` are the fields of the request that it answers; `provider` is "" without one."""

    asked: dict[str, str]
    organization: str
    client: str
    check: str
    provider: str = ""
    login: str = ""


def form_page(form: Form, refusal: Refusal | None = None) -> Answer:
    """The form; with what was wrong with the last try."""
    alert = _ALERT.format(escape(refusal.message)) if refusal is not None else ""
    content = f"""<p class="muted">{escape(form.organization)} · {escape(form.client)}</p>
      {alert}
      {_form(form, _told(refusal))}
      {_elsewhere(form)}"""
    text = _page.substitute(title="Not signed in · frontdesk" if alert else "Sign in · frontdesk",
                            heading="Sign in", content=content)  # fmt: skip
    # Browsers hold what a form leads to against the policy as well, and it leads to where the client is.
    return _answer(text, refusal, _origin(form.asked.get("redirect_uri", "")))


def trouble_page(refusal: Refusal) -> Answer:
    """What is wrong, where no form would help."""
    content = f"{_ALERT.format(escape(refusal.message))}\n      <p>Go back to where you came from, and try again.</p>"
    text = _page.substitute(title="Not signed in · frontdesk", heading="Signing in does not work", content=content)
    return _answer(text, refusal, "")


def cookie(name: str, value: str, seconds: int | None, *, secure: bool) -> tuple[bytes, bytes]:
    """A cookie for the pages of signing in; None as `seconds`: until the browser closes."""
    life = "" if seconds is None else f"; Max-Age={seconds}"
    return b"set-cookie", f"{name}={value}; {_COOKIE}{life}{'; Secure' if secure else ''}".encode()


def cookies_of(header: bytes) -> dict[str, str]:
    """The cookies that came."""
    pairs = (piece.partition("=") for piece in header.decode("latin-1").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _told(refusal: Refusal | None) -> str:
    """What fields say of the problem: it is read with the one that has the focus, whatever it is about."""
    if refusal is None:
        return ""
    invalid = ' aria-invalid="true"' if refusal.scope in _TYPED else ""
    return f'{invalid} aria-describedby="problem"'


def _form(form: Form, told: str) -> str:
    # The next thing to type has the focus: the login, or, when that is there, the password.
    at_login, at_password = ("", " autofocus") if form.login else (" autofocus", "")
    return f"""<form method="post" action="{escape(AUTHORIZE)}?{escape(urlencode(form.asked))}">
        <input type="hidden" name="check" value="{escape(form.check)}">
        <div class="field">
          <label for="login">Login</label>
          <input id="login" name="login" value="{escape(form.login)}" autocomplete="username" autocapitalize="none"
            spellcheck="false" required{at_login}{told}>
        </div>
        <div class="field">
          <label for="password">Password</label>
          <input id="password" name="password" type="password" autocomplete="current-password"
            required{at_password}{told}>
        </div>
        <button class="primary">Sign in</button>
      </form>"""


def _elsewhere(form: Form) -> str:
    if not form.provider:
        return ""
    url = f"{LEAVE}?{urlencode(form.asked)}"
    return f"""<p class="or muted">or</p>
      <a class="elsewhere" href="{escape(url)}">Continue with {escape(form.provider)}</a>"""


def _answer(text: str, refusal: Refusal | None, leads_to: str) -> Answer:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {leads_to}"
    )
    headers = (*_HEADERS, (b"content-security-policy", policy.strip().encode()))
    if isinstance(refusal, TooMany):
        headers = (*headers, (b"retry-after", b"%d" % refusal.retry_after))
    return Answer(_status(refusal), text.encode(), headers)


def _status(refusal: Refusal | None) -> int:
    if refusal is None:
        return 200
    # People read this, and no client that takes anything but 500 for the end of its session.
    return 503 if isinstance(refusal, Unavailable) else STATUS.get(type(refusal), 400)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if "[" in parts.netloc:
        # A policy can't name an address of IPv6 (CSP, 2.3.1), and browsers leave out what they can't read.
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
