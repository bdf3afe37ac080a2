"""The demo page's chat, as a person uses it."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

CONCIERGE, AGENTS = "Concierge", "Agents"


@dataclass
class Chat:
    """What a person does with the chat, and what they see."""

    page: Page

    @property
    def log(self) -> Locator:
        """The conversation."""
        return self.page.get_by_role("log", name="Conversation")

    @property
    def box(self) -> Locator:
        """Where one writes."""
        return self.page.get_by_label("Message", exact=True)

    def start(self, who: str = CONCIERGE, name: str = "Ada") -> None:
        """Fill in the form and wait until the chat is open."""
        self.page.get_by_label("Your name").locator("visible=true").fill(name)
        self.page.get_by_role("radio", name=who).check()
        self.page.get_by_role("button", name="Start chatting").click()
        expect(self.log).to_contain_text(f"You are here as {name}.")

    def greeted(self) -> None:
        """Wait for the concierge's first words."""
        expect(self.theirs.first).to_contain_text("I am the concierge")

    def say(self, text: str) -> None:
        """Write and send with Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def end(self) -> None:
        """Leave, and mean it."""
        self.page.get_by_role("button", name="End", exact=True).click()
        self.page.get_by_role("button", name="End chat").click()
        expect(self.page.get_by_role("button", name="Start a new chat")).to_be_visible()

    @property
    def mine(self) -> Locator:
        """Own messages."""
        return self.log.locator(".message.me")

    @property
    def theirs(self) -> Locator:
        """Messages of the other side."""
        return self.log.locator(".message.them")

    @property
    def said(self) -> list[str]:
        """The words of all bubbles, in order."""
        return self.log.locator(".bubble").all_inner_texts()
