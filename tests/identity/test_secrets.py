"""No secret is written where others read: in logs, on record, in what is refused."""

import pytest
from structlog.testing import capture_logs

from frontdesk.actions.oauth import OAuth
from tests.identity.conftest import PASSWORD, House, basic, verifier


def test_no_log_line_and_no_record_holds_a_secret(house: House) -> None:
    """Whatever is asked with it, well or badly."""
    with capture_logs() as lines:
        ada, page, program = house.user("ada"), house.page(), house.program()
        made = house.run("user.create", login="bo")
        credentials = basic(program["clientId"], program["secret"])
        token = house.token(credentials, grant_type="client_credentials").json()["access_token"]
        secret, challenge = verifier()
        code = house.code(ada["userId"], page, challenge)
        tokens = house.redeemed(page, code, secret).json()
        house.redeemed(page, code, secret)
        house.refreshed(page, tokens["refresh_token"])
        house.form("revoke", credentials, token=token)
        house.form("revoke", client_id=page["clientId"], token=tokens["refresh_token"])
    secrets = (
        PASSWORD,
        made["password"],
        program["secret"],
        credentials["authorization"].removeprefix("Basic "),
        token,
        code,
        secret,
        tokens["access_token"],
        tokens["refresh_token"],
    )
    written = str(lines) + house.stored()
    assert [each for each in secrets if each in written] == []


def test_a_fault_tells_nothing_of_what_was_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the client, who may repeat it, nor the log: only where it happened."""

    async def broken(self: OAuth, client: object, token: str, scope: str) -> None:
        raise ValueError(token)

    monkeypatch.setattr(OAuth, "refresh", broken)
    page = house.page()
    with capture_logs() as lines:
        answer = house.refreshed(page, "a-secret-of-ada")
    assert (answer.status, answer.json()["error"]) == (500, "server_error")
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["http.fault"]
    assert "broken" in str(lines)
    assert "a-secret" not in str(lines) + answer.body.decode()


def test_a_refusal_does_not_repeat_what_was_sent(house: House) -> None:
    """It may be shown on a screen, or written to a log of somebody else's."""
    program = house.program()
    answers = [
        house.token(basic(program["clientId"], "a-secret-of-ada"), grant_type="client_credentials"),
        house.token(basic(program["clientId"], program["secret"]), grant_type="a-secret-of-ada"),
        house.token(client_id="a-secret-of-ada", grant_type="refresh_token", refresh_token="a-secret-of-ada"),
    ]
    assert [answer.status for answer in answers] == [401, 400, 401]
    assert not any(b"a-secret" in answer.body for answer in answers)
