"""Users and clients by commands: who may sign in, with what, and what is on record."""

import pytest

from frontdesk.actions.passwords import new_password
from frontdesk.domain.passwords import check_password
from tests.identity.conftest import PASSWORD, House


def test_a_user_is_made_with_what_agents_need(house: House) -> None:
    """Skills, work types and capacity are as given; the password is not shown."""
    made = house.user(
        "ada", name="Ada", skills={"spanish": 7}, workTypeIds=["79"], capacity={"chat": 3}, roles=["supervisor"]
    )
    shown = house.run("user.list")
    assert shown == [made]
    assert (made["login"], made["name"], made["roles"]) == ("ada", "Ada", ["supervisor"])
    assert (made["skills"], made["workTypeIds"], made["capacity"]) == ({"spanish": 7}, ["79"], {"chat": 3})
    assert "password" not in made


def test_a_password_is_made_where_none_is_given(house: House) -> None:
    """It is shown in that answer alone."""
    made = house.run("user.create", login="ada")
    assert len(made["password"]) >= 20
    assert made["password"] not in str(house.run("user.list"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"login": "Ada"}, "loginTaken"),
        ({"login": "a b"}, "invalidLogin"),
        ({"login": "bo", "password": "short"}, "invalidPassword"),
        ({"login": "bo", "password": "aaaaaaaaaaaaaaaa"}, "weakPassword"),
        ({"login": "benedict", "password": "benedict-benedict"}, "weakPassword"),
        ({"login": "bo", "password": "Bo-secret-BO-1"}, "weakPassword"),
        ({"login": "bo", "capacity": "three"}, "invalidFields"),
        ({"login": "bo", "roles": ["king"]}, "unknownRole"),
        ({"login": "bo", "roles": []}, "noRole"),
        ({"login": "bo", "skills": {"french": 3}}, "unknownSkill"),
        ({"login": "bo", "skills": {"spanish": 11}}, "invalidLevel"),
        ({"login": "bo", "workTypeIds": ["1"]}, "unknownWorkType"),
        ({"login": "bo", "teamId": "north"}, "unknownTeam"),
        ({"login": "bo", "capacity": {"fax": 1}}, "invalidCapacity"),
        ({"login": "bo", "capacity": {"chat": 101}}, "invalidCapacity"),
        ({"login": "bo", "user_id": "a/b"}, "invalidId"),
    ],
)
def test_a_user_who_makes_no_sense_is_refused(house: House, fields: dict[str, object], reason: str) -> None:
    """With the reason; logins are taken whatever their case."""
    house.user("ada")
    assert house.refused("user.create", **{"password": PASSWORD, **fields}) == reason


@pytest.mark.parametrize("login", ["a", "e", "al", "bo"])
def test_a_short_login_spoils_no_good_password(login: str) -> None:
    """Letters of it stand in most passwords, also in those that are made here."""
    for password in (PASSWORD, "bold albatross again", *(new_password() for _ in range(1000))):
        assert check_password(password, login) == password


def test_a_change_leaves_what_is_not_named(house: House) -> None:
    """And the password."""
    made = house.user("ada", name="Ada", workTypeIds=["79"])
    changed = house.run("user.change", login="ada", capacity={"chat": 2})
    assert changed == {**made, "capacity": {"chat": 2}}


def test_passwords_are_stored_as_argon2id(house: House) -> None:
    """And as nothing else: neither the database nor the record holds one."""
    house.user("ada")
    made = house.run("user.password", login="ada")
    house.run("user.password", login="ada", password=PASSWORD)
    (row,) = house.rows("password", "users")
    assert str(row[0]).startswith("$argon2id$")
    assert PASSWORD not in house.stored()
    assert made["password"] not in house.stored()


def test_every_change_is_on_record(house: House) -> None:
    """With who made it, and without hashes."""
    made = house.user("ada")
    house.run("user.change", login="ada", roles=["supervisor"])
    house.run("user.password", login="ada", password=PASSWORD)
    house.run("user.signout", login="ada")
    house.run("user.disable", login="ada")
    program = house.program()
    house.run("client.secret", client_id=program["clientId"])
    house.run("client.revoke", client_id=program["clientId"])
    acts = [(act, subject) for actor, act, subject in house.audited() if actor == "operator"]
    users = [act for act, subject in acts if subject == made["userId"]]
    assert users == ["user.created", "user.changed", "user.passwordChanged", "user.signedOut", "user.disabled"]
    assert [act for act, subject in acts if subject == program["clientId"]] == [
        "client.created",
        "client.secretChanged",
        "client.revoked",
    ]
    assert "argon2" not in str(house.rows("detail", "audit"))
    assert program["secret"] not in house.stored()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"scopes": []}, "unknownScope"),
        ({"scopes": ["everything"]}, "unknownScope"),
        ({"public": True}, "noRedirectUri"),
        ({"redirect_uris": ["http://desk.example.com/"]}, "invalidRedirectUri"),
        ({"redirect_uris": ["https://desk.example.com/#x"]}, "invalidRedirectUri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalidRedirectUri"),
        ({"redirect_uris": ["https://a@desk.example.com/"]}, "invalidRedirectUri"),
        ({"redirect_uris": ["https://[desk/"]}, "invalidRedirectUri"),
    ],
)
def test_a_client_that_makes_no_sense_is_refused(house: House, fields: dict[str, object], reason: str) -> None:
    """With the reason."""
    assert house.refused("client.create", **{"scopes": ["desk"], **fields}) == reason


def test_the_id_of_a_revoked_client_is_not_given_again(house: House) -> None:
    """Its old tokens would be good again."""
    program = house.program()
    house.run("client.revoke", client_id=program["clientId"])
    assert house.refused("client.create", scopes=["desk"], client_id=program["clientId"]) == "idTaken"
