"""Django OAuth Toolkit as a process of its own: an OpenID Connect provider that others wrote.

usage: foreign_provider.py '{"client": …, "secret": …, "back": …, "password": …, "people": {NAME: EMAIL}}'

It prints its issuer once it serves. Everybody has the same password; all is in memory.
"""

import json
import sys
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from joserfc.jwk import RSAKey

LOGIN = "<form method=post>{% csrf_token %}{{ form }}</form>"
SETTINGS = {
    "SECRET_KEY": "made up",
    "ALLOWED_HOSTS": ["127.0.0.1"],
    "ROOT_URLCONF": __name__,
    "INSTALLED_APPS": [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    # The slow ones guard what is worth something.
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN})]},
        }
    ],
    "USE_TZ": True,
    "OAUTH2_PROVIDER": {
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": RSAKey.generate_key(2048).as_pem(private=True).decode(),
        "OAUTH2_VALIDATOR_CLASS": "foreign_claims.Claims",
        "SCOPES": {"openid": "who", "profile": "name", "email": "email"},
    },
}
# Django's name; what stands in it can't be imported before Django is set up.
urlpatterns: list[Any] = []


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """See the standard library."""


def set_up() -> None:
    """Django with the toolkit in it, its tables and its addresses."""
    settings.configure(**SETTINGS)
    django.setup()
    call_command("migrate", verbosity=0)
    accounts = path("accounts/", include("django.contrib.auth.urls"))
    urlpatterns.extend([path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")), accounts])


def fill(told: dict[str, Any]) -> None:
    """Its people, and the client that they may sign in to."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - not before Django is set up
    from oauth2_provider.models import Application  # noqa: PLC0415 - not before Django is set up

    for name, email in told["people"].items():
        User.objects.create_user(name.lower(), email, told["password"], first_name=name)
    Application.objects.create(
        client_id=told["client"],
        client_secret=told["secret"],
        redirect_uris=told["back"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        algorithm=Application.RS256_ALGORITHM,
        skip_authorization=True,
    )


def main() -> None:
    """Serve until killed."""
    set_up()
    fill(json.loads(sys.argv[1]))
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}/o", flush=True)  # noqa: T201 - read by the test
        server.serve_forever()


if __name__ == "__main__":
    main()
