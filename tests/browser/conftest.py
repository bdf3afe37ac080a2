"""A real demo server, a real Chromium, and pages that fail their test when the console complains."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

Facts = dict[str, Any]
OpenPage = Callable[..., Page]

# Without these Chromium looks for its maker's hosts at every start.
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A blocked script or style shows up nowhere else in the page.
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`))"""
# What Chromium writes by itself for an answer above 399; a test that provokes one says so.
BAD_STATUS = "Failed to load resource"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """The facts that `frontdesk demo` prints once it serves."""
    data = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "frontdesk", "demo", "--port", "0", "--json", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the demo ended with {process.wait()} before it served"
        yield json.loads(line)
        process.terminate()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium (FRONTDESK_CHROMIUM names another); Playwright's own would have to be downloaded."""
    path = os.environ.get("FRONTDESK_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt-get install -y --no-install-recommends chromium fonts-liberation")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, demo: Facts) -> Iterator[OpenPage]:
    """Opens pages, each in a context of its own. The test fails if a console says anything, or a page throws."""
    complaints: list[str] = []
    contexts = []

    def open_one(path: str = "/", *, bad_status: bool = False, **options: Any) -> Page:
        context = chromium.new_context(**options)
        context.set_default_timeout(20_000)
        context.add_init_script(TELL_VIOLATIONS)
        contexts.append(context)

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not (bad_status and BAD_STATUS in message.text):
                complaints.append(message.text)

        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.goto(demo["url"] + path)
        return page

    yield open_one
    for context in contexts:
        context.close()

    assert complaints == []
