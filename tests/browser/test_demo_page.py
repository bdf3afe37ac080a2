import json
import subprocess
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.chat import AGENTS, Chat
from tests.browser.conftest import Facts, OpenPage
from tests.browser.looks import DESKTOP, LOOKS, PHONE, assert_accessible, assert_fits


def test_facts_of_the_server_are_on_the_page(open_page: OpenPage, demo: Facts) -> None:
    """What a developer needs for the first request stands there to be copied."""
    page = open_page()

    facts = page.get_by_role("region", name="Everything you need to call it")

    for value in (demo["orgId"], demo["apiKey"], *demo["workTypes"].values()):
        expect(facts.get_by_text(value, exact=True).first).to_be_visible()
    for address in ("/docs", "/openapi.json", "/healthz", "/metrics"):
        assert page.locator(f'nav a[href="{address}"]').count() == 1


def test_five_commands_hold_a_conversation(open_page: OpenPage) -> None:
    """What the page offers to paste works as it stands, one after the other."""
    page = open_page()
    expect(page.locator("#steps pre")).to_have_count(5)
    commands = page.locator("#steps pre").all_inner_texts()

    run = subprocess.run(["bash", "-euc", "\n".join(commands)], capture_output=True, check=True, timeout=60)

    assert "messaging.Connected" in [event["kind"] for event in json.loads(run.stdout)["events"]]


def test_chat_with_the_concierge_from_hello_to_goodbye(open_page: OpenPage) -> None:
    """Greeting, message, reply; a reload goes on where it was; End ends, and stays ended."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()
    expect(chat.box).to_be_focused()
    chat.say("what does it cost?")
    expect(chat.theirs.nth(1)).to_contain_text("open source")
    expect(chat.mine.locator(".mark")).to_have_text("Sent")
    before = chat.said

    page.reload()
    expect(chat.theirs.nth(1)).to_be_visible()
    assert chat.said == before
    chat.say("thank you")
    expect(chat.theirs.nth(2)).to_contain_text("You are welcome")
    assert chat.said[: len(before)] == before

    chat.end()
    expect(chat.log).to_contain_text("You ended the chat.")
    page.reload()
    expect(page.get_by_role("button", name="Start a new chat")).to_be_visible()


def test_goodbye_of_the_script_ends_the_chat(open_page: OpenPage) -> None:
    """The other side may leave too; a new chat starts from the form."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()

    chat.say("goodbye")

    expect(chat.theirs.nth(1)).to_contain_text("Goodbye")
    page.get_by_role("button", name="Start a new chat").click()
    expect(page.get_by_role("button", name="Start chatting")).to_be_visible()
    chat.start(name="Grace")
    chat.greeted()
    assert chat.mine.count() == 0


def test_pushed_address_is_a_card_and_never_opens_itself(open_page: OpenPage) -> None:
    """A page that somebody shows is offered as a link to a new tab."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()
    here = page.url

    chat.say("how does it work?")

    card = chat.theirs.get_by_role("link")
    expect(card).to_have_attribute("rel", "noopener noreferrer")
    expect(card).to_have_attribute("target", "_blank")
    assert page.url == here
    assert len(page.context.pages) == 1


def test_address_alone_is_sent_with_push_url(open_page: OpenPage) -> None:
    """What is nothing but a web address travels as one."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()

    with page.expect_request("**/messaging/pushUrl") as asked:
        chat.say("https://example.org/a/page")

    assert asked.value.post_data_json == {"url": "https://example.org/a/page"}
    expect(chat.mine.get_by_role("link")).to_contain_text("example.org")


def test_text_of_strangers_is_never_markup(open_page: OpenPage) -> None:
    """HTML in a message is shown as it was typed."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()

    chat.say("<img src=x> & <b>bold</b>")

    expect(chat.mine.locator(".bubble")).to_have_text("<img src=x> & <b>bold</b>")
    assert chat.log.locator("img, b").count() == 0


def test_place_in_the_queue_is_told(open_page: OpenPage) -> None:
    """Nobody is at work on 79: the contact waits and knows where."""
    page = open_page()
    chat = Chat(page)

    chat.start(AGENTS)

    expect(page.get_by_role("status").filter(has_text="queue").or_(page.get_by_text("You are next."))).to_be_visible()
    chat.end()
    expect(page.locator("#banner")).to_be_empty()


@pytest.mark.parametrize("when", ["minutes", "time"])
def test_call_is_booked(open_page: OpenPage, when: str) -> None:
    """Either in some minutes or at a time; the booking is confirmed by the server's event."""
    page = open_page()
    page.get_by_role("button", name="I would rather be called").click()
    page.get_by_label("Your name").locator("visible=true").fill("Ada")
    page.get_by_label("Phone number").fill("+44 20 7946 0958")
    if when == "time":
        page.get_by_role("radio", name="At a time").check()

    with page.expect_request("**/messaging/scheduleCallBack") as asked:
        page.get_by_role("button", name="Book the call").click()

    sent = asked.value.post_data or ""
    assert ("callBackTime" in sent, "delayStartDuration" in sent) == (when == "time", when == "minutes")
    expect(page.get_by_role("status").filter(has_text="+44 20 7946 0958 is booked")).to_be_visible()


def test_call_without_a_number_is_put_right_before_it_is_asked_for(open_page: OpenPage) -> None:
    """The problem is said, and focus goes to the field that has it."""
    page = open_page()
    page.get_by_role("button", name="I would rather be called").click()
    page.get_by_label("Your name").locator("visible=true").fill("Ada")

    page.get_by_role("button", name="Book the call").click()

    expect(page.get_by_role("alert").filter(has_text="number that we can dial")).to_be_visible()
    expect(page.get_by_label("Phone number")).to_be_focused()


class Faults:
    """Lets the first requests of one kind go wrong, and remembers the key of each try."""

    def __init__(self, page: Page, path: str, *, times: int, lost: bool = False) -> None:
        self.keys: list[str | None] = []
        self._left = times
        self._lost = lost
        page.route(f"**{path}", self._meet)

    def _meet(self, route: Route) -> None:
        self.keys.append(route.request.header_value("Idempotency-Key"))
        self._left -= 1
        if self._left < 0:
            route.continue_()
        elif self._lost:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.fulfill(status=429, headers={"Retry-After": "0"}, json={"code": 429, "message": "Slow down."})


def test_busy_server_delays_messages_and_keeps_their_order(open_page: OpenPage) -> None:
    """429 is waited out; what was written after waits behind what was written before."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    chat.start()
    chat.greeted()
    faults = Faults(page, "/messaging/sendText", times=2)

    chat.say("first")
    chat.say("second")

    expect(chat.mine.nth(1).locator(".mark")).to_have_text("Sent")
    first, second = dict.fromkeys(faults.keys)
    assert faults.keys == [first, first, first, second]


def test_message_whose_answer_was_lost_is_not_said_twice(open_page: OpenPage) -> None:
    """The server took it, the connection broke: the repeat carries the same key and does nothing."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    chat.start()
    chat.greeted()
    faults = Faults(page, "/messaging/sendText", times=1, lost=True)

    chat.say("what does it cost?")
    expect(chat.mine.locator(".mark")).to_have_text("Sent")
    chat.say("thank you")
    expect(chat.log).to_contain_text("You are welcome")

    assert faults.keys[0] == faults.keys[1]
    assert sum("open source" in text for text in chat.said) == 1


def test_refused_message_says_so_and_lets_the_next_one_go(open_page: OpenPage) -> None:
    """A 4xx is final for that message only."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    chat.start()
    chat.greeted()
    refusal = {"code": 400, "message": "No.", "errors": [{"scope": "text", "reason": "x", "message": "Not like this."}]}
    page.route("**/messaging/sendText", lambda route: route.fulfill(status=400, json=refusal), times=1)

    chat.say("refused")
    chat.say("thank you")

    expect(chat.mine.nth(0).locator(".mark")).to_have_text("Not sent: Not like this.")
    expect(chat.mine.nth(1).locator(".mark")).to_have_text("Sent")
    expect(chat.log).to_contain_text("You are welcome")


def headers_of(request: Request) -> dict[str, str]:
    """What another client would need to speak for the same contact."""
    return {name: request.headers[name] for name in ("authorization", "x-api-key", "via-client-sessionid")}


def test_dead_session_is_replaced_and_the_conversation_goes_on(open_page: OpenPage, demo: Facts) -> None:
    """401 on the poll: a new session names the ended one, and the same script goes on answering."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    with page.expect_request("**/streaming/events/webClient*") as polled:
        chat.start()
    chat.greeted()
    headers = headers_of(polled.value)
    session = f"{demo['url']}/via/v2/organizations/{demo['orgId']}/streaming/session/webClient"

    with page.expect_request(session) as opened:
        assert page.request.delete(session, headers=headers).status == 204

    assert (opened.value.post_data_json or {})["resumeSessionId"] == headers["via-client-sessionid"]
    chat.say("thank you")
    expect(chat.theirs.nth(1)).to_contain_text("You are welcome")
    assert chat.theirs.count() == 2


def test_token_is_renewed_when_the_server_no_longer_takes_it(open_page: OpenPage) -> None:
    """401 that is not about the session costs one new token, and the message goes out."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    chat.start()
    chat.greeted()
    expired: dict[str, Any] = {"code": 401, "message": "The web token has expired.", "errors": []}
    page.route("**/messaging/sendText", lambda route: route.fulfill(status=401, json=expired), times=1)

    with page.expect_request("**/webToken"):
        chat.say("thank you")

    expect(chat.mine.locator(".mark")).to_have_text("Sent")


def test_lost_connection_is_told_and_what_is_written_is_kept(open_page: OpenPage) -> None:
    """Offline: a banner, the message waits; back online it goes out by itself."""
    page = open_page(bad_status=True)
    chat = Chat(page)
    chat.start()
    chat.greeted()

    page.context.set_offline(True)
    chat.say("thank you")
    expect(page.get_by_role("status").filter(has_text="Connection lost")).to_be_visible()
    expect(chat.mine.locator(".mark")).to_have_text("Sending…")
    page.context.set_offline(False)

    expect(chat.mine.locator(".mark")).to_have_text("Sent")
    expect(chat.log).to_contain_text("You are welcome")
    expect(page.locator("#banner")).to_be_empty()


def test_copied_tab_does_not_poll_the_same_session(open_page: OpenPage, demo: Facts) -> None:
    """A duplicated tab copies the storage; two polls on one session would end each other for ever."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()
    kept = page.evaluate("JSON.stringify({...sessionStorage})")
    twin = page.context.new_page()
    twin.add_init_script(f"Object.assign(sessionStorage, {kept})")

    twin.goto(demo["url"])

    expect(twin.get_by_role("button", name="Start chatting")).to_be_visible()
    chat.say("thank you")
    expect(chat.theirs.nth(1)).to_contain_text("You are welcome")


def test_composing_is_told_once_in_nine_seconds(open_page: OpenPage) -> None:
    """Not per keystroke; and a composing script is shown until its words come."""
    page = open_page()
    chat = Chat(page)
    chat.start()
    chat.greeted()
    told: list[Request] = []
    page.on("request", lambda request: told.append(request) if request.url.endswith("/notification") else None)

    chat.box.press_sequentially("thank you")
    chat.box.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Concierge is writing")).to_be_visible()
    expect(chat.log).to_contain_text("You are welcome")
    expect(page.locator("#typing")).to_be_empty()
    assert [request.post_data_json for request in told] == [{"state": "composing", "expiresAfterSeconds": 10}]


def test_chat_by_keyboard_alone(open_page: OpenPage) -> None:
    """Focus goes to the message box, Enter sends, Shift+Enter does not, Escape keeps the chat."""
    page = open_page()
    chat = Chat(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_label("Your name").locator("visible=true").focus()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    chat.greeted()
    expect(chat.box).to_be_focused()

    page.keyboard.type("two")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("lines")
    page.keyboard.press("Enter")
    expect(chat.mine.locator(".bubble")).to_have_text("two\nlines")

    end = page.get_by_role("button", name="End", exact=True)
    end.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(end).to_be_focused()
    expect(page.locator("#chat-state")).to_have_text("Connected")


def test_live_wire_shows_each_request_as_a_command(open_page: OpenPage) -> None:
    """The drawer opens from and closes to its button; a row can be copied as curl."""
    page = open_page(permissions=["clipboard-read", "clipboard-write"], viewport=DESKTOP)
    chat = Chat(page)
    chat.start()
    chat.greeted()
    opener = page.get_by_role("button", name="How it works")

    opener.click()
    chat.say("thank you")
    page.get_by_role("button", name="curl messaging/sendText as curl").click()
    command = page.evaluate("navigator.clipboard.readText()")

    assert command.startswith("curl -s -X POST http://127.0.0.1")
    assert "Idempotency-Key: " in command
    assert command.endswith("""-d '{"text":"thank you"}'""")
    page.locator("#wire-close").focus()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("look", LOOKS)
def test_page_is_accessible_in_every_state(open_page: OpenPage, look: str) -> None:
    """Axe finds nothing in the form, the call form, the chat, the wire, the question and the end."""
    page = open_page(**LOOKS[look])
    chat = Chat(page)
    assert_accessible(page, "form")
    page.get_by_role("button", name="I would rather be called").click()
    assert_accessible(page, "call")
    page.get_by_role("button", name="Back").click()
    chat.start()
    chat.greeted()
    chat.say("how does it work?")
    expect(chat.theirs.get_by_role("link")).to_be_visible()
    assert_accessible(page, "chat")
    page.get_by_role("button", name="How it works").click()
    page.locator(".exchange summary").nth(1).click()
    assert_accessible(page, "wire")
    page.locator("#wire-close").click()
    page.get_by_role("button", name="End", exact=True).click()
    assert_accessible(page, "question")
    page.get_by_role("button", name="End chat").click()
    expect(page.get_by_role("button", name="Start a new chat")).to_be_visible()
    assert_accessible(page, "end")


def test_page_reflows_at_320_pixels(open_page: OpenPage) -> None:
    """Nothing scrolls sideways on the narrowest screen, wire and all."""
    page = open_page(viewport={"width": 320, "height": 640})
    chat = Chat(page)
    assert_fits(page, "form")
    chat.start()
    chat.say("a" * 300)
    assert_fits(page, "chat")
    page.get_by_role("button", name="How it works").click()
    page.locator(".exchange summary").nth(1).click()
    assert_fits(page, "wire")


def test_targets_are_large_enough_for_thumbs(open_page: OpenPage) -> None:
    """44 pixels each way, for everything that is pressed (links inside a sentence are exempt)."""
    page = open_page(viewport=PHONE)
    chat = Chat(page)
    chat.start()
    chat.greeted()

    small = page.evaluate(
        """[...document.querySelectorAll("button, input, textarea, summary, nav a")]
           .filter((each) => each.checkVisibility() && !each.closest(".unseen"))
           .map((each) => [each.textContent || each.id, each.getBoundingClientRect()])
           .filter(([, box]) => box.height < 44 || box.width < 44).map(([name]) => name)"""
    )

    assert small == []
