"""Setting up: the same commands beside a running server and without one."""

from pathlib import Path

import pytest

from tests.cli.shell import ORG, at, done, refused, told
from tests.support.client import Client
from tests.support.server import Process


def contact(server: Process, key: str) -> Client:
    """A client of the organization."""
    return Client(server.port, org=ORG, key=key)


def test_init_makes_all_that_a_first_chat_needs(server: Process, key: str) -> None:
    """Organization, key and work type, without another command."""
    with contact(server, key) as client:
        client.token()
        client.session()
        client.connect("100")
        kinds = [event["kind"] for event in client.until("Text")]
    assert kinds[0] == "messaging.Connected"


def test_init_a_second_time_says_that_the_organization_exists(data: Path, key: str) -> None:
    """And makes no second key."""
    assert f"There is an organization {ORG} already." in refused("init", ORG, "--data", str(data))


def test_init_of_another_organization_leaves_tokens_good(server: Process, key: str, data: Path) -> None:
    """The signing key is the installation's, not the organization's."""
    with contact(server, key) as client:
        client.token()
        told("init", "other", data=data)
        client.session()


def test_an_organization_is_made_and_listed(installation: Path | str) -> None:
    """With what was given."""
    told("org", "create", "shop", "--name", "The Shop", "--origin", "https://shop.example", data=installation)
    shop = {row["orgId"]: row for row in told("org", "list", data=installation)}["shop"]
    assert (shop["name"], shop["allowedOrigins"]) == ("The Shop", ["https://shop.example"])


def test_an_organization_is_changed(installation: Path | str) -> None:
    """What is listed is what holds."""
    done("org", "origins", ORG, "https://a.example", "https://b.example", *at(installation))
    done("org", "grace", ORG, "300", *at(installation))
    row = {row["orgId"]: row for row in told("org", "list", data=installation)}[ORG]
    assert (row["allowedOrigins"], row["graceSeconds"]) == (["https://a.example", "https://b.example"], 300)


def test_an_api_key_is_shown_once_and_listed_by_its_hint(installation: Path | str) -> None:
    """The store knows only its digest."""
    made = told("apikey", "create", ORG, "--name", "app", data=installation)
    listed = {row["keyId"]: row for row in told("apikey", "list", ORG, data=installation)}[made["keyId"]]
    assert made["key"].startswith(listed["hint"].rstrip("…"))
    assert "key" not in listed


def test_a_work_type_is_made_and_listed(installation: Path | str) -> None:
    """With its channels in the order given."""
    told("worktype", "create", ORG, "7", "--channel", "chat", "--channel", "callback", data=installation)
    rows = {row["workTypeId"]: row for row in told("worktype", "list", ORG, data=installation)}
    assert rows["7"]["channels"] == ["chat", "callback"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("org", "origins", ORG, "shop.example"), "Use an origin such as https://www.example.com"),
        (("org", "create", "a b"), "Use 1 to 63 letters"),
        (("apikey", "revoke", "nokey"), "There is no API key nokey"),
        (("worktype", "create", ORG, "8", "--script", "nonsense"), "There is no script nonsense."),
        (("worktype", "create", ORG, "8", "--channel", "fax"), "Channels are chat, callback."),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    installation: Path | str, command: tuple[str, ...], sentence: str
) -> None:
    """The same sentence through the socket as without."""
    assert sentence in refused(*command, *at(installation))


def test_origins_take_effect_at_once(server: Process, key: str, data: Path) -> None:
    """In the running server, on a connection that is open already."""
    with contact(server, key) as client:
        before = client.post("webToken", origin="https://a.example")
        done("org", "origins", ORG, "https://b.example", "--data", str(data))
        after = client.post("webToken", origin="https://a.example")
        other = client.post("webToken", origin="https://b.example")
    allowed = [answer.headers.get("access-control-allow-origin") for answer in (before, after, other)]
    assert allowed[0] in ("*", "https://a.example")
    assert allowed[1] not in ("*", "https://a.example")
    assert allowed[2] == "https://b.example"


def test_a_revoked_key_is_refused_at_once(server: Process, key: str, data: Path) -> None:
    """Also with a token that was got before."""
    (row,) = told("apikey", "list", ORG, data=data)
    with contact(server, key) as client:
        client.token()
        done("apikey", "revoke", row["keyId"], "--data", str(data))
        assert client.post("webToken").status == 401
        assert client.post("streaming/session/webClient").status == 401


def test_a_new_key_is_good_at_once(server: Process, data: Path, key: str) -> None:
    """Without a restart."""
    fresh = told("apikey", "create", ORG, data=data)["key"]
    with contact(server, fresh) as client:
        client.token()


def test_tokens_outlive_a_rotation_of_the_signing_key(server: Process, key: str, data: Path) -> None:
    """Nobody is thrown out; new tokens are good too."""
    with contact(server, key) as client:
        client.token()
        done("token", "rotate", "--data", str(data))
        client.session()
        client.token()
        client.session()


def test_usage_is_counted_and_outlives_a_restart(server: Process, key: str, data: Path) -> None:
    """A stop stores what was counted last."""
    with contact(server, key) as client:
        client.token()
        client.token()
    assert server.stop() == 0
    stopped = told("apikey", "usage", ORG, data=data)
    assert [(row["endpoint"], row["count"]) for row in stopped] == [("POST webToken", 2)]
    server.restart()
    assert told("apikey", "usage", ORG, data=data) == stopped


def test_a_booked_callback_is_listed(demo: Process, data: Path) -> None:
    """With whom to call, where and when."""
    with demo.contact() as client:
        body = {"workTypeId": "32", "contactName": "Ada", "digits": "+43123456", "delayStartDuration": 30}
        client.done("messaging/scheduleCallBack", body)
    (row,) = told("callback", "list", "viademo", data=data)
    assert (row["state"], row["digits"], row["contactName"]) == ("scheduled", "+43123456", "Ada")


def test_a_mistyped_data_folder_is_not_made(tmp_path: Path) -> None:
    """Looking must not leave an empty installation behind."""
    folder = tmp_path / "typo"
    assert f"Run: frontdesk init ORG --data {folder}" in refused("org", "list", "--data", str(folder))
    assert not folder.exists()


def test_commands_work_after_a_server_was_killed(server: Process, data: Path) -> None:
    """It leaves its socket behind; nobody listens on it."""
    server.kill()
    assert [row["orgId"] for row in told("org", "list", data=data)] == [ORG]
