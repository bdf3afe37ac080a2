"""The four ways in which people look at the pages, and what must hold in each."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}

LOOKS: dict[str, dict[str, Any]] = {
    f"{name}-{scheme}": {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    for name, size in (("phone", PHONE), ("desktop", DESKTOP))
    for scheme in ("light", "dark")
}


def assert_accessible(page: Page, state: str) -> None:
    """No violation of any axe rule, best practices included."""
    found = Axe().run(page).response["violations"]
    told = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]

    assert told == [], f"{state}: {told}"


def assert_fits(page: Page, state: str) -> None:
    """Nothing makes the page scroll sideways (WCAG 1.4.10)."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert wide <= 0, f"{state}: {wide} px too wide"
