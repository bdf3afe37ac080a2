import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Facts, OpenPage
from tests.browser.looks import DESKTOP, LOOKS, assert_accessible, assert_fits

KEEP_ONE = """document.querySelectorAll("#operations > section").forEach((group) =>
    [...group.querySelectorAll(".operation")].slice(1).forEach((each) => each.remove()))"""
METHODS = {"get", "post", "put", "patch", "delete"}


def ready(page: Page) -> Page:
    """Wait until the document is on the page."""
    expect(page.locator(".operation").first).to_be_attached()
    return page


def test_every_operation_of_the_document_is_shown(open_page: OpenPage, demo: Facts) -> None:
    """Each method and path of /openapi.json has its article, and the index leads to it."""
    page = ready(open_page("/docs"))
    paths = page.request.get(demo["url"] + "/openapi.json").json()["paths"]
    expected = sorted((method.upper(), path) for path, item in paths.items() for method in METHODS & item.keys())

    shown = [tuple(text.split()) for text in page.locator(".route").all_inner_texts()]

    assert sorted(shown) == expected
    assert page.locator("#contents a").count() == len(expected)


def test_link_to_an_operation_leads_there(open_page: OpenPage) -> None:
    """The anchor works on arrival, although the page is made after it."""
    page = ready(open_page("/docs", viewport=DESKTOP))
    address = page.locator("#contents a").last.get_attribute("href")

    fresh = ready(open_page(f"/docs{address}"))

    expect(fresh.locator(str(address))).to_be_in_viewport()
    expect(fresh.locator(str(address))).to_be_focused()


def test_search_narrows_both_list_and_content(open_page: OpenPage) -> None:
    """All words must match; the number found is told; clearing brings everything back."""
    page = ready(open_page("/docs", viewport=DESKTOP))
    everything = page.locator(".operation:visible").count()

    page.get_by_label("Find an operation").fill("post messaging/sendtext")

    expect(page.locator(".operation:visible")).to_have_count(1)
    expect(page.locator("#contents a:visible")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text=f"1 of {everything} operations")).to_be_visible()
    page.get_by_label("Find an operation").fill("")
    expect(page.locator(".operation:visible")).to_have_count(everything)


def test_send_text_has_fields_answers_and_a_command(open_page: OpenPage) -> None:
    """Its body, its refusals and a curl line that can be copied."""
    page = ready(open_page("/docs", permissions=["clipboard-read", "clipboard-write"]))
    article = page.locator(".operation").filter(has=page.locator(".route", has_text="/messaging/sendText"))

    article.get_by_role("button", name="with curl").click()
    command = page.evaluate("navigator.clipboard.readText()")

    expect(article.locator(".fields code", has_text="text").first).to_be_visible()
    for status in ("202", "400", "401", "404", "429"):
        expect(article.locator(".status", has_text=status)).to_be_visible()
    assert command.startswith("curl -s -X POST ")
    assert "/messaging/sendText" in command
    assert "Authorization: Bearer" in command


@pytest.mark.parametrize("look", LOOKS)
def test_page_is_accessible(open_page: OpenPage, look: str) -> None:
    """Axe finds nothing, folded and open. One operation of each group stands for all: ninety would take minutes."""
    page = ready(open_page("/docs", **LOOKS[look]))
    page.evaluate(KEEP_ONE)
    assert_accessible(page, "folded")

    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")

    assert_accessible(page, "open")


def test_page_reflows_at_320_pixels(open_page: OpenPage) -> None:
    """Nothing scrolls sideways, with everything open."""
    page = ready(open_page("/docs", viewport={"width": 320, "height": 640}))

    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")

    assert_fits(page, "open")
