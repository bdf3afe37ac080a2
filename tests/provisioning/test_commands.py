"""Setting up by commands: what refers to what is held together, and everything is on record."""

from typing import Any

import pytest

from tests.provisioning.conftest import Shop

MESSAGE = {"instead": "message", "text": "We are closed."}


def to(instead: str, target: str) -> dict[str, str]:
    """A detour."""
    return {"instead": instead, "target": target}


def rules(shop: Shop, work_type_id: str = "79", **changes: Any) -> Any:
    """Change rules of a work type; what they are then."""
    return shop.run("worktype.rules", work_type_id=work_type_id, changes=changes)


def refused(shop: Shop, work_type_id: str = "79", **changes: Any) -> str:
    """The reason for which a change of rules is refused."""
    return shop.refused("worktype.rules", work_type_id=work_type_id, changes=changes)


def needs(skill: str) -> list[dict[str, Any]]:
    """Rings that ask for a skill."""
    return [{"needs": [{"skill": skill, "level": 5}]}]


# ---- items


def test_what_is_made_is_listed_by_id(shop: Shop) -> None:
    """Whatever the order in which it was made."""
    for skill_id in ("b", "c", "a"):
        shop.run("skill.create", item_id=skill_id, name=skill_id.upper())
    assert [(row["skillId"], row["name"]) for row in shop.run("skill.list")] == [("a", "A"), ("b", "B"), ("c", "C")]


def test_an_id_is_taken_once(shop: Shop) -> None:
    """With `replace` it is another one under the same id; one that is not there can't be replaced."""
    shop.run("team.create", item_id="red", name="Red")
    assert shop.refused("team.create", item_id="red") == "idTaken"
    shop.run("team.create", item_id="red", name="Scarlet", replace=True)
    assert [row["name"] for row in shop.run("team.list")] == ["Scarlet"]
    assert shop.refused("team.create", item_id="blue", replace=True) == "unknownId"


def test_a_removed_one_is_gone_and_its_id_is_free(shop: Shop) -> None:
    """It is removed once."""
    shop.run("reason.create", item_id="lunch")
    shop.run("reason.remove", item_id="lunch")
    assert shop.run("reason.list") == []
    assert shop.refused("reason.remove", item_id="lunch") == "unknownId"
    shop.run("reason.create", item_id="lunch", name="Lunch")
    assert [row["name"] for row in shop.run("reason.list")] == ["Lunch"]


def test_organizations_do_not_see_each_other(shop: Shop) -> None:
    """A skill of another organization is none here."""
    shop.server.admin("skill.create", org_id="acme", item_id=f"only-{shop.org_id}")
    assert shop.run("skill.list") == []
    assert refused(shop, rings=needs(f"only-{shop.org_id}")) == "unknownSkill"


def test_a_shortcut_finds_one_canned_response(shop: Shop) -> None:
    """Upper and lower case are the same, and a response keeps its own."""
    shop.run("canned.create", item_id="1", text="Hello", shortcut="hi")
    assert shop.refused("canned.create", item_id="2", text="Hi", shortcut="HI") == "shortcutTaken"
    shop.run("canned.create", item_id="1", text="Hello!", shortcut="hi", replace=True)


def test_fields_of_a_wrong_type_are_refused(shop: Shop) -> None:
    """Also where no shell stands before it."""
    assert shop.refused("reason.create", item_id="x", use="never") == "unknownUse"
    assert refused(shop, priority="high") == "invalidRules"


@pytest.mark.parametrize("noun", ["disposition", "canned"])
def test_what_is_limited_to_a_work_type_needs_it(shop: Shop, noun: str) -> None:
    """And the work type can't be removed while something is limited to it."""
    shop.run("worktype.create", work_type_id="7")
    assert shop.refused(f"{noun}.create", item_id="x", text="x", workTypeIds=["8"]) == "unknownWorkType"
    shop.run(f"{noun}.create", item_id="x", text="x", workTypeIds=["7"])
    assert shop.refused("worktype.remove", work_type_id="7") == "stillInUse"
    shop.run(f"{noun}.remove", item_id="x")
    shop.run("worktype.remove", work_type_id="7")


# ---- rules


def test_only_the_rules_that_are_named_change(shop: Shop) -> None:
    """And `anew` takes the defaults for the others."""
    rules(shop, priority=3, wrapSeconds=10)
    assert rules(shop, offerSeconds=40)["priority"] == 3
    now = shop.run("worktype.rules", work_type_id="79", changes={"load": 2}, anew=True)
    assert (now["priority"], now["wrapSeconds"], now["offerSeconds"], now["load"]) == (0, 30, 20, 2)


def test_looking_at_rules_changes_nothing(shop: Shop) -> None:
    """It is not even on record."""
    before = shop.audited()
    assert shop.run("worktype.rules", work_type_id="79")["choice"] == "longestIdle"
    assert shop.audited() == before


def test_rules_are_in_force_at_once(shop: Shop) -> None:
    """The directory that routing asks has them."""
    rules(shop, priority=7)
    assert [app.context.directory.rules(shop.org_id, "79").priority for app in shop.server.apps] == [7] * len(
        shop.server.apps
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rings": needs("spanish")}, "unknownSkill"),
        ({"hoursId": "office"}, "unknownHours"),
        ({"overflow": to("workType", "8")}, "unknownWorkType"),
        ({"overflow": to("callback", "8")}, "unknownWorkType"),
        ({"afterHours": to("callback", "79")}, "wrongChannel"),
        ({"afterHours": to("script", "nobody")}, "unknownScript"),
        ({"overflow": to("workType", "79")}, "detourCircle"),
        ({"dispositionRequired": True}, "noDisposition"),
        ({"priority": 11}, "outOfRange"),
        ({"afterHours": {"instead": "message"}}, "textMissing"),
    ],
    ids=str,
)
def test_rules_that_name_what_is_not_there_are_refused(shop: Shop, changes: dict[str, Any], reason: str) -> None:
    """Nothing of them is stored."""
    assert refused(shop, **changes) == reason
    assert shop.run("worktype.rules", work_type_id="79")["priority"] == 0


def test_detours_in_a_circle_are_refused(shop: Shop) -> None:
    """Over however many work types, and by whichever of the two detours."""
    shop.run("worktype.create", work_type_id="7")
    rules(shop, "7", overflow=to("workType", "32"))
    rules(shop, "32", afterHours=to("workType", "79"))
    assert refused(shop, "79", overflow=to("workType", "7")) == "detourCircle"
    assert refused(shop, "79", afterHours=to("workType", "7")) == "detourCircle"


def test_a_work_type_may_book_callbacks_on_itself(shop: Shop) -> None:
    """That ends the chat, so it is no circle; nor does it keep the work type in use."""
    rules(shop, "32", afterHours=to("callback", "32"))
    shop.run("worktype.remove", work_type_id="32")


def test_a_skill_that_is_needed_stays(shop: Shop) -> None:
    """The refusal names who needs it; once nobody does, it goes."""
    shop.run("skill.create", item_id="spanish")
    rules(shop, rings=needs("spanish"))
    assert shop.refused("skill.remove", item_id="spanish") == "stillInUse"
    rules(shop, rings=[])
    shop.run("skill.remove", item_id="spanish")


def test_hours_that_are_kept_stay(shop: Shop) -> None:
    """As long as a work type is open by them."""
    shop.run("hours.create", item_id="office", zone="Europe/Berlin")
    rules(shop, hoursId="office", afterHours=MESSAGE)
    assert shop.refused("hours.remove", item_id="office") == "stillInUse"
    rules(shop, hoursId="")
    shop.run("hours.remove", item_id="office")


def test_the_only_disposition_of_a_work_type_that_requires_one_stays(shop: Shop) -> None:
    """Agents could not finish otherwise; nor may it be limited to other work types."""
    shop.run("disposition.create", item_id="sold")
    rules(shop, dispositionRequired=True)
    assert shop.refused("disposition.remove", item_id="sold") == "stillInUse"
    assert shop.refused("disposition.create", item_id="sold", workTypeIds=["32"], replace=True) == "stillInUse"
    shop.run("disposition.create", item_id="lost")
    shop.run("disposition.remove", item_id="sold")


def test_a_work_type_that_a_detour_leads_to_stays(shop: Shop) -> None:
    """With the channel that the detour needs."""
    rules(shop, overflow=to("callback", "32"))
    assert shop.refused("worktype.remove", work_type_id="32") == "stillInUse"
    rules(shop, overflow=to("wait", ""))
    shop.run("worktype.remove", work_type_id="32")


def test_a_work_type_in_which_contacts_wait_stays(shop: Shop) -> None:
    """Nobody would be offered them any more."""
    key = shop.run("apikey.create")["key"]
    with shop.server.contact(org=shop.org_id, key=key) as contact:
        contact.connect("79")
        assert shop.refused("worktype.remove", work_type_id="79") == "stillInUse"
        contact.disconnect()
    shop.run("worktype.remove", work_type_id="79")


def test_a_work_type_with_booked_callbacks_stays(shop: Shop) -> None:
    """They would never be made."""
    key = shop.run("apikey.create")["key"]
    booked = {"workTypeId": "32", "contactName": "Ada", "digits": "555 1234", "delayStartDuration": 30}
    with shop.server.contact(org=shop.org_id, key=key) as contact:
        contact.done("messaging/scheduleCallBack", booked)
    assert shop.refused("worktype.remove", work_type_id="32") == "stillInUse"


# ---- on record


def test_every_change_is_on_record(shop: Shop) -> None:
    """In the order in which they were made, and none that was refused."""
    shop.run("skill.create", item_id="spanish")
    shop.run("skill.create", item_id="spanish", name="Spanish", replace=True)
    shop.refused("skill.create", item_id="spanish")
    rules(shop, priority=1)
    shop.run("skill.remove", item_id="spanish")
    assert shop.audited() == [
        ("provisioning.workType.created", "79"),
        ("provisioning.workType.created", "32"),
        ("provisioning.skill.created", "spanish"),
        ("provisioning.skill.changed", "spanish"),
        ("provisioning.workType.changed", "79"),
        ("provisioning.skill.removed", "spanish"),
    ]


def test_no_key_is_on_record(shop: Shop) -> None:
    """Only its id and its name."""
    made = shop.run("apikey.create", name="web site")
    (detail,) = shop.server.rows(f"SELECT detail FROM audit WHERE subject = '{made['keyId']}'")  # noqa: S608 - ours
    assert detail == ('{"name":"web site"}',)
