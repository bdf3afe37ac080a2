"""What may be a password, and a login."""

from __future__ import annotations

from frontdesk.domain.errors import Invalid

# Characters. NIST SP 800-63B, 3.1.1: length is what counts, rules about signs only make people write it down. The upper
# bound keeps a request from making us hash a book.
PASSWORD_MIN, PASSWORD_MAX = 12, 200
# Different ones in it: "aaaaaaaaaaaa" is long, and guessed at once.
VARIETY_MIN = 4
LOGIN_MAX = 200


def check_password(password: str, login: str) -> str:
    """The same password. Raises Invalid when it is too easily guessed."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Invalid(
            "invalidPassword", f"Use a password of {PASSWORD_MIN} to {PASSWORD_MAX} characters.", scope="password"
        )
    # What the login adds is known to whoever guesses. To refuse every password with the login in it would refuse half
    # of all there are to somebody who signs in as "a".
    own = password.casefold().replace(login.casefold(), "")
    if len(own) < PASSWORD_MIN or len(set(own)) < VARIETY_MIN:
        raise Invalid(
            "weakPassword",
            f"Use a password of {PASSWORD_MIN} characters beside the login, {VARIETY_MIN} of them different.",
            scope="password",
        )
    return password


def check_login(login: str) -> str:
    """The same login. Raises Invalid when it can't be typed or shown in one line."""
    if not (1 <= len(login) <= LOGIN_MAX and login.isprintable() and " " not in login):
        raise Invalid(
            "invalidLogin", f"Use a login of 1 to {LOGIN_MAX} printable characters without spaces.", scope="login"
        )
    return login
