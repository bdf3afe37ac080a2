"""The sign-in page in a real browser, as the demo's desk sends people there."""

import base64
import hashlib
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from frontdesk.cli.demo import DESK
from tests.browser.conftest import Facts, OpenPage
from tests.browser.looks import LOOKS, assert_accessible, assert_fits

CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()


def path(demo: Facts, **more: str) -> str:
    """Where the desk sends people to sign in; they come back to a page of the demo that is not there."""
    asked = {
        "realm": demo["orgId"],
        "client_id": DESK,
        "redirect_uri": f"{demo['url']}/desk/",
        "response_type": "code",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"/tokenservice/oauth2/authorize?{urlencode({**asked, **more})}"


def signed_in(page: Page, login: str, password: str) -> None:
    """Type both and press Enter."""
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


def test_who_signs_in_comes_back_to_the_desk(open_page: OpenPage, demo: Facts) -> None:
    """With the keyboard alone, from the field that has the focus; and it works without script."""
    page = open_page(path(demo), java_script_enabled=False, bad_status=True)
    expect(page.get_by_label("Login")).to_be_focused()
    user = demo["users"][0]
    page.keyboard.type(user["login"])
    page.keyboard.press("Tab")
    page.keyboard.type(user["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{demo['url']}/desk/?code=*")
    assert "state=s" in page.url


def test_a_wrong_password_is_told_and_the_next_one_can_be_typed_at_once(open_page: OpenPage, demo: Facts) -> None:
    """The login stays, the password has the focus, and what is wrong is told to who listens as well."""
    page = open_page(path(demo), bad_status=True)
    signed_in(page, "supervisor", "wrong")
    expect(page.get_by_role("alert")).to_have_text("Login or password is wrong.")
    expect(page.get_by_label("Login")).to_have_value("supervisor")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_accessible_description("Login or password is wrong.")
    page.keyboard.type(next(user["password"] for user in demo["users"] if user["login"] == "supervisor"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{demo['url']}/desk/?code=*")


@pytest.mark.parametrize("look", LOOKS)
def test_page_is_accessible(open_page: OpenPage, demo: Facts, look: str) -> None:
    """As it is first shown, after a wrong password, and where no form would help."""
    page = open_page(path(demo), bad_status=True, **LOOKS[look])
    assert_accessible(page, "first")
    signed_in(page, f"nobody-{look}", "wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page, "wrong")
    page.goto(demo["url"] + path(demo, client_id="none"))
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page, "no way")


def test_page_reflows_at_320_pixels(open_page: OpenPage, demo: Facts) -> None:
    """Nothing scrolls sideways, also with something wrong on it."""
    page = open_page(path(demo), bad_status=True, viewport={"width": 320, "height": 480})
    assert_fits(page, "first")
    signed_in(page, "x" * 150, "wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_fits(page, "wrong")
