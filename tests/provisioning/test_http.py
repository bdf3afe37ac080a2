"""`provisioning/…` over real sockets."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.provisioning.conftest import Shop
from tests.support.client import Client
from tests.support.server import running
from tests.support.wire import Answer

HOURS = {"name": "Office", "zone": "Europe/Berlin", "spans": [{"day": 0, "opensMinute": 540, "closesMinute": 1020}]}
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "skills": ("skillId", {"name": "Spanish"}, {"name": "Español"}),
    "teams": ("teamId", {"name": "North"}, {"name": "South"}),
    "reasons": ("reasonId", {"name": "Lunch"}, {"name": "Not my field", "use": "decline"}),
    "dispositions": ("dispositionId", {"name": "Sold"}, {"name": "Sold", "workTypeIds": ["79"]}),
    "hours": ("hoursId", HOURS, {**HOURS, "dated": [{"date": "2026-12-25"}]}),
    "cannedResponses": (
        "cannedResponseId",
        {"name": "Greeting", "text": "Hello {contactName}"},
        {"name": "Greeting", "text": "Hi", "shortcut": "hi"},
    ),
    "workTypes": ("workTypeId", {"name": "Sales"}, {"name": "Sales", "channels": ["chat", "callback"]}),
}
"""Of each kind: its id on the wire, what is sent for a new one, and what takes its place."""

SECRET = "correct horse battery staple"


@pytest.fixture
def admin(shop: Shop) -> Iterator[Client]:
    """An administrator of the organization."""
    with shop.bearer("provisioning") as client:
        yield client


def made(client: Client, kind: str, body: dict[str, Any]) -> Any:
    """What is answered to a new one."""
    answer = client.post(f"provisioning/{kind}", body)
    assert answer.status == 200, answer
    return answer.json()


def reason(answer: Answer) -> tuple[int, str, str]:
    """Status, reason and scope of a refusal."""
    (error,) = answer.json()["errors"]
    return answer.status, error["reason"], error["scope"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_made_read_replaced_and_removed(admin: Client, kind: str) -> None:
    """The five operations on each kind; what is removed is gone."""
    id_name, first, second = KINDS[kind]
    item = made(admin, kind, first)
    assert item.items() >= first.items()
    path = f"provisioning/{kind}/{item[id_name]}"
    assert admin.ask("GET", path).json() == item
    changed = admin.ask("PUT", path, second)
    assert changed.json() == admin.ask("GET", path).json()
    assert changed.json()["createdTime"] == item["createdTime"]
    assert item[id_name] in [each[id_name] for each in admin.ask("GET", f"provisioning/{kind}").json()["items"]]
    assert admin.ask("DELETE", path).status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert admin.ask(method, path, second if method == "PUT" else None).status == 404
    assert item[id_name] not in [each[id_name] for each in admin.ask("GET", f"provisioning/{kind}").json()["items"]]


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_may_be_given(admin: Client, kind: str) -> None:
    """As a number, too; but once."""
    id_name, body, _ = KINDS[kind]
    assert made(admin, kind, {**body, id_name: 4711})[id_name] == "4711"
    again = admin.post(f"provisioning/{kind}", {**body, id_name: "4711"})
    assert reason(again)[0] == 400
    assert reason(again)[2] == id_name


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_can_be_sent_back(admin: Client, kind: str) -> None:
    """A program reads, changes a field and replaces; what it does not know comes back as it was."""
    id_name, _, body = KINDS[kind]
    item = made(admin, kind, body)
    assert admin.ask("PUT", f"provisioning/{kind}/{item[id_name]}", item).json() == item


def test_the_id_of_a_body_is_that_of_the_path(admin: Client) -> None:
    """Another one is a slip."""
    made(admin, "skills", {"skillId": "a", "name": "A"})
    answer = admin.ask("PUT", "provisioning/skills/a", {"skillId": "b", "name": "B"})
    assert reason(answer) == (400, "idMismatch", "skillId")


def test_what_is_left_out_has_its_default_again(admin: Client) -> None:
    """PUT replaces."""
    body = {"workTypeId": "7", "name": "Sales", "rules": {"priority": 5}, "script": "concierge"}
    assert made(admin, "workTypes", body)["rules"]["priority"] == 5
    changed = admin.ask("PUT", "provisioning/workTypes/7", {"name": "Sales"}).json()
    assert (changed["rules"]["priority"], changed["script"]) == (0, "")


def test_pages_hold_everything_once(admin: Client) -> None:
    """In the order of ids, also when something is made and removed between two pages."""
    for skill_id in "bdfhj":
        made(admin, "skills", {"skillId": skill_id, "name": skill_id})
    first = admin.ask("GET", "provisioning/skills?limit=2").json()
    assert ([each["skillId"] for each in first["items"]], first["totalItems"], first["next"]) == (["b", "d"], 2, "d")
    admin.ask("DELETE", "provisioning/skills/d")
    made(admin, "skills", {"skillId": "a", "name": "a"})
    second = admin.ask("GET", f"provisioning/skills?limit=2&after={first['next']}").json()
    last = admin.ask("GET", f"provisioning/skills?limit=2&after={second['next']}").json()
    assert [each["skillId"] for each in (*second["items"], *last["items"])] == ["f", "h", "j"]
    assert "next" not in last


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=many", "limit=", "limit=%FF"])
def test_a_wrong_page_is_refused(admin: Client, query: str) -> None:
    """With the parameter as scope."""
    assert reason(admin.ask("GET", f"provisioning/skills?{query}"))[::2] == (400, "limit")


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("skills", {}, ("missingField", "name")),
        ("skills", {"name": 7}, ("invalidType", "name")),
        ("skills", {"name": "x", "skillId": "a/b"}, ("invalidId", "skillId")),
        ("skills", {"name": "x", "skillId": []}, ("invalidType", "skillId")),
        ("skills", {"name": "x\0"}, ("invalidName", "name")),
        ("reasons", {"name": "x", "use": "never"}, ("invalidType", "use")),
        ("hours", {"name": "x", "zone": "Mars"}, ("unknownZone", "zone")),
        ("hours", {"name": "x", "zone": "UTC", "dated": [{"date": "25.12."}]}, ("invalidDate", "dated")),
        ("cannedResponses", {"name": "x", "text": "{contact}"}, ("unknownField", "text")),
        ("dispositions", {"name": "x", "workTypeIds": ["none"]}, ("unknownWorkType", "workTypeIds")),
        ("workTypes", {"name": "x", "channels": ["fax"]}, ("invalidType", "channels[0]")),
        ("workTypes", {"name": "x", "channels": []}, ("invalidChannels", "channels")),
        ("workTypes", {"name": "x", "script": "none"}, ("unknownScript", "script")),
        ("workTypes", {"name": "x", "rules": {"priority": "high"}}, ("invalidType", "rules.priority")),
        ("workTypes", {"name": "x", "rules": {"priority": 99}}, ("outOfRange", "priority")),
        ("workTypes", {"name": "x", "rules": {"hoursId": "none"}}, ("unknownHours", "hoursId")),
        ("apiKeys", {"name": ""}, ("invalidName", "name")),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(admin: Client, kind: str, body: dict[str, Any], expected: tuple[str, str]) -> None:
    """With a reason of its own, and nothing is made."""
    before = admin.ask("GET", f"provisioning/{kind}").json()
    assert reason(admin.post(f"provisioning/{kind}", body)) == (400, *expected)
    assert admin.ask("GET", f"provisioning/{kind}").json() == before


def test_what_is_in_use_stays(admin: Client) -> None:
    """And the refusal says where."""
    made(admin, "skills", {"skillId": "spanish", "name": "Spanish"})
    rings = [{"needs": [{"skill": "spanish", "level": 5}]}]
    made(admin, "workTypes", {"workTypeId": "7", "name": "Sales", "rules": {"rings": rings}})
    answer = admin.ask("DELETE", "provisioning/skills/spanish")
    assert reason(answer) == (400, "stillInUse", "id")
    assert "work type 7" in answer.json()["message"]


def test_a_channel_that_a_detour_needs_stays(admin: Client) -> None:
    """Contacts would be led to where nobody takes them."""
    overflow = {"rules": {"overflow": {"instead": "callback", "target": "32"}}}
    assert admin.ask("PUT", "provisioning/workTypes/79", {"name": "Agents", **overflow}).status == 200
    answer = admin.ask("PUT", "provisioning/workTypes/32", {"name": "Callbacks", "channels": ["chat"]})
    assert reason(answer) == (400, "stillInUse", "channels")


# ---- API keys


def test_a_new_api_key_is_good_at_once_and_shown_once(admin: Client, shop: Shop) -> None:
    """Until it is removed; then it is listed as ended."""
    key = made(admin, "apiKeys", {"name": "web site"})
    path = f"provisioning/apiKeys/{key['apiKeyId']}"
    assert "key" not in admin.ask("GET", path).json()
    shop.spread()
    with shop.server.client(org=shop.org_id, key=key["key"]) as contact:
        contact.token()
        assert admin.ask("PUT", path, {"name": "shop"}).json()["name"] == "shop"
        assert admin.ask("DELETE", path).status == 204
        shop.spread()
        assert contact.post("webToken").status == 401
    assert "revokedTime" in admin.ask("GET", path).json()


def test_a_new_api_key_is_not_remembered_to_be_repeated(admin: Client, shop: Shop) -> None:
    """Its secret would be stored with the answer."""
    keys = [admin.post("provisioning/apiKeys", {"name": "x"}, idempotency_key="once").json()["key"] for _ in "12"]
    assert keys[0] != keys[1]
    stored = shop.server.rows("SELECT body FROM repeats")
    assert not any(key.encode() in bytes(body) for (body,) in stored for key in keys)


# ---- users


def test_a_user_is_made_and_replaced(admin: Client) -> None:
    """With team, skills and work types; and nothing of their password is ever shown."""
    made(admin, "skills", {"skillId": "spanish", "name": "Spanish"})
    made(admin, "teams", {"teamId": "north", "name": "North"})
    work = {"teamId": "north", "skills": {"spanish": 7}, "workTypeIds": [79, "32"], "capacity": {"chat": 3}}
    bob = made(admin, "users", {"userId": "bob", "login": "bob", "password": SECRET, **work})
    assert bob.items() >= {**work, "workTypeIds": ["79", "32"], "name": "bob", "roles": ["agent"]}.items()
    path = "provisioning/users/bob"
    assert admin.ask("GET", path).json() == bob
    changed = admin.ask("PUT", path, {"login": "bob", "name": "Bob", "roles": ["supervisor"]}).json()
    assert (changed["skills"], changed["roles"], changed["name"]) == ({}, ["supervisor"], "Bob")
    assert not {"password", "subject"} & {*bob, *changed}


def test_a_password_is_nowhere_but_in_its_hash(admin: Client, shop: Shop) -> None:
    """Neither on record, nor with what is kept to be answered again; without a new one the old one stays."""
    body = {"userId": "bob", "login": "bob", "password": SECRET}
    assert admin.post("provisioning/users", body, idempotency_key="once").status == 200
    assert admin.ask("PUT", "provisioning/users/bob", {"login": "bob", "name": "Bob"}).status == 200
    query = f"SELECT password FROM users WHERE org_id = '{shop.org_id}' AND user_id = 'bob'"  # noqa: S608 - ours
    ((stored,),) = shop.server.rows(query)
    assert stored.startswith("$argon2id$")
    kept = shop.server.rows(f"SELECT detail FROM audit WHERE org_id = '{shop.org_id}'")  # noqa: S608 - ours
    assert not any(word in str(kept) for word in (SECRET, "argon2"))
    assert shop.server.rows("SELECT key FROM repeats WHERE key = 'once' AND body LIKE '%bob%'") == []


def test_a_removed_user_is_disabled_until_replaced(admin: Client, shop: Shop) -> None:
    """What they did keeps their name; their tokens end, and so do the uses of what they had."""
    made(admin, "teams", {"teamId": "north", "name": "North"})
    made(admin, "users", {"userId": "bob", "login": "bob", "teamId": "north"})
    assert reason(admin.ask("DELETE", "provisioning/teams/north"))[1] == "stillInUse"
    assert admin.ask("DELETE", "provisioning/users/bob").status == 204
    assert "disabledTime" in admin.ask("GET", "provisioning/users/bob").json()
    assert admin.ask("DELETE", "provisioning/teams/north").status == 204
    back = admin.ask("PUT", "provisioning/users/bob", {"login": "bob"})
    assert "disabledTime" not in back.json()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"login": "BOSS"}, ("loginTaken", "login")),
        ({"login": "a b"}, ("invalidLogin", "login")),
        ({"userId": "boss"}, ("idTaken", "userId")),
        ({"password": "short"}, ("invalidPassword", "password")),
        ({"password": ""}, ("invalidPassword", "password")),
        ({"roles": []}, ("noRole", "roles")),
        ({"roles": ["king"]}, ("invalidType", "roles[0]")),
        ({"teamId": "none"}, ("unknownTeam", "teamId")),
        ({"skills": {"none": 5}}, ("unknownSkill", "skills")),
        ({"skills": {"none": 11}}, ("invalidLevel", "skills")),
        ({"workTypeIds": ["none"]}, ("unknownWorkType", "workTypeIds")),
        ({"capacity": {"chat": 1000}}, ("invalidCapacity", "capacity")),
    ],
    ids=str,
)
def test_a_wrong_field_of_a_user_is_named(admin: Client, fields: dict[str, Any], expected: tuple[str, str]) -> None:
    """And nobody is made."""
    assert reason(admin.post("provisioning/users", {"login": "bob", **fields})) == (400, *expected)
    assert admin.ask("GET", "provisioning/users").json()["totalItems"] == 1


# ---- who may


@pytest.mark.parametrize("kind", [*KINDS, "apiKeys", "users"])
def test_nobody_changes_anything_with_the_scope_of_a_desk(shop: Shop, kind: str) -> None:
    """It reads what it shows."""
    shown = {"skills", "reasons", "dispositions", "cannedResponses", "workTypes"}
    with shop.bearer("desk") as desk:
        assert desk.ask("GET", f"provisioning/{kind}").status == (200 if kind in shown else 403)
        body = KINDS[kind][1] if kind in KINDS else {"name": "x", "login": "x"}
        for method, path in (("POST", ""), ("PUT", "/x"), ("DELETE", "/x")):
            answer = desk.ask(method, f"provisioning/{kind}{path}", None if method == "DELETE" else body)
            assert reason(answer)[:2] == (403, "missingScope")


@pytest.mark.parametrize("kind", [*KINDS, "apiKeys", "users"])
def test_nobody_gets_in_without_an_access_token(shop: Shop, kind: str) -> None:
    """Nor with an API key, nor with a token of another organization."""
    with shop.bearer("provisioning") as other:
        other.org = "acme"
        assert other.ask("GET", f"provisioning/{kind}").status == 401
    with shop.server.client(org=shop.org_id) as stranger:
        assert reason(stranger.ask("GET", f"provisioning/{kind}"))[:2] == (401, "missingToken")


def test_who_changed_something_is_on_record(admin: Client, shop: Shop) -> None:
    """With what it was and what it is."""
    made(admin, "skills", {"skillId": "spanish", "name": "Spanish"})
    admin.ask("PUT", "provisioning/skills/spanish", {"name": "Español"})
    query = "SELECT actor, detail FROM audit WHERE act = 'provisioning.skill.changed' AND org_id = "
    ((actor, detail),) = shop.server.rows(f"{query}'{shop.org_id}'")
    assert actor == shop.actor
    assert {name: value["name"] for name, value in json.loads(detail).items()} == {"was": "Spanish", "is": "Español"}


# ---- at once, and for ever


def test_a_name_is_taken_once_however_many_ask(shop: Shop) -> None:
    """One is told so, and the others that it is taken."""

    def ask(number: int) -> int:
        with shop.bearer("provisioning") as client:
            return client.post("provisioning/skills", {"skillId": "spanish", "name": str(number)}).status

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(ask, range(8))) == [200] + 7 * [400]


def test_a_repeated_request_is_carried_out_once(admin: Client) -> None:
    """It answers as the first time."""
    first = admin.post("provisioning/skills", {"name": "Spanish"}, idempotency_key="k1")
    again = admin.post("provisioning/skills", {"name": "Spanish"}, idempotency_key="k1")
    assert (again.status, again.json()) == (200, first.json())
    assert admin.ask("GET", "provisioning/skills").json()["totalItems"] == 1


def test_what_was_answered_is_stored(tmp_path: Path) -> None:
    """A server that starts on the same data has it."""
    with running(tmp_path / "data") as server:
        shop = Shop(server, "viademo")
        with shop.bearer("provisioning") as client:
            skill = made(client, "skills", {"skillId": "spanish", "name": "Spanish"})
    with running(tmp_path / "data") as server, Shop(server, "viademo").bearer("provisioning") as client:
        assert client.ask("GET", "provisioning/skills/spanish").json() == skill


def test_an_overloaded_store_says_when_to_come_again(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on."""
    monkeypatch.setattr("frontdesk.engines.committer.PENDING_MAX", 0)
    answer = admin.post("provisioning/skills", {"name": "Spanish"})
    assert (reason(answer)[:2], answer.headers["retry-after"]) == ((429, "overloaded"), "1")
    assert admin.ask("GET", "provisioning/skills").json()["totalItems"] == 0
