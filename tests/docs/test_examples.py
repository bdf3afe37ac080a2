"""The examples do what they are shown for."""

import configparser
import importlib.util
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Self

import pytest

from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import Goodbye, HandOff, Input
from frontdesk.scripts import BUILT_IN
from frontdesk.settings import read
from tests.docs.test_pages import free_port
from tests.support.client import kinds, payloads
from tests.support.server import Process, running

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
# Seconds; far above what a slow machine needs.
PATIENCE = 40
SELF_SIGNED = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")


def module(name: str) -> ModuleType:
    """An example, imported."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Terminal:
    """`chat.py` with somebody in front of it."""

    def __init__(self, url: str, work_type: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, EXAMPLES / "chat.py", "--url", url, "--work-type", work_type],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        # A server that never answers must fail the test, not hang it.
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self._watchdog.cancel()
            self.process.kill()

    def type(self, line: str) -> None:
        """Type a line."""
        keyboard = self._pipe(self.process.stdin)
        keyboard.write(f"{line}\n")
        keyboard.flush()

    def leave(self) -> None:
        """Type Ctrl+D."""
        self._pipe(self.process.stdin).close()

    def read(self, pattern: str) -> str:
        """The next line, which must match."""
        line = self._pipe(self.process.stdout).readline().strip()
        assert re.search(pattern, line), f"{line!r} is not {pattern!r}"
        return line

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def test_chat_talks_to_the_concierge(tmp_path: Path) -> None:
    """The terminal client shows what the concierge says, and ends when the chat does."""
    with Process(tmp_path / "data") as demo, Terminal(demo.facts["url"], "100") as terminal:
        terminal.read("^Concierge: Hello Ada")
        terminal.type("When are you open?")
        terminal.read("^Concierge: We are here")
        terminal.type("bye")
        terminal.read("^Concierge: Goodbye")
        terminal.read("the chat is over")
        terminal.leave()
        assert terminal.process.wait() == 0


def test_chat_survives_a_killed_server(tmp_path: Path) -> None:
    """A server that is killed and started again costs the terminal client nothing, and it shows nothing twice."""
    command = ("demo", "--json", "--port", str(free_port()))
    with Process(tmp_path / "data", command=command) as demo, Terminal(demo.facts["url"], "100") as terminal:
        terminal.read("^Concierge: Hello Ada")
        demo.restart()
        terminal.type("When are you open?")
        terminal.read("^Concierge: We are here")
        terminal.leave()
        terminal.read("the chat is over")


def conversation(*lines: str) -> Any:
    """What the survey answers at the end of these lines."""
    survey, ada = module("survey").Survey(), Contact("Ada")
    outcome = survey.step("", ada, Input("messaging.Connected"))
    for line in lines:
        outcome = survey.step(outcome.state, ada, Input("messaging.Text", line))
    return outcome


def test_survey_says_goodbye_to_the_happy() -> None:
    """A good rating ends the conversation."""
    assert isinstance(conversation("It was a 5").effects[-1], Goodbye)


def test_survey_hands_the_unhappy_to_a_person() -> None:
    """A poor rating is asked for its reason, and then handed over."""
    assert conversation("2").state == "reason"
    assert conversation("2", "I had to wait").effects[-1] == HandOff("79")


def test_survey_asks_again() -> None:
    """What is no rating is asked for once more."""
    assert conversation("well").state == "rating"


@pytest.fixture
def survey(monkeypatch: pytest.MonkeyPatch) -> None:
    """The survey as one of the built-in scripts."""
    monkeypatch.setitem(BUILT_IN, "survey", module("survey").Survey())


@pytest.mark.usefixtures("survey")
def test_survey_works_in_a_real_conversation() -> None:
    """Registered as the guide says, the survey answers over the public API and hands over to the queue."""
    with running() as server:
        server.admin("worktype.create", org_id="viademo", work_type_id="200", script="survey")
        with server.contact() as contact:
            contact.connect("200")
            assert "from 1 (poor) to 5 (great)" in payloads(contact.until("Text"))[-1]["text"]
            contact.say("1")
            contact.until("Text")
            contact.say("Nobody answered")
            assert "Transferred" in kinds(contact.until("QueueStatus"))


def test_settings_file_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """frontdesk.toml holds settings that exist, with values that fit."""
    monkeypatch.setenv("FRONTDESK_CONFIG", str(EXAMPLES / "frontdesk.toml"))
    settings = read()
    assert (settings.trusted_proxies, settings.log_json) == (["127.0.0.1"], True)


def metrics_of(text: str) -> set[str]:
    """The names of our metrics in a text."""
    return set(re.findall(r"\bfrontdesk_\w+", text))


def test_metrics_named_are_given() -> None:
    """Every metric in the alerts and in the guide is one of the server's, and the guide has them all."""
    with running() as server, server.client() as client:
        # Answers are counted by status, so the first one is seen by the second.
        client.ask("GET", "/healthz")
        lines = client.ask("GET", "/metrics").body.decode().splitlines()
    given = {line.partition("{")[0] for line in lines if line.startswith("frontdesk_")}
    assert metrics_of((EXAMPLES / "prometheus-alerts.yml").read_text()) <= given
    assert metrics_of((EXAMPLES.parent / "docs" / "how-to" / "monitor.md").read_text()) == given


def test_unit_starts_a_command_that_exists() -> None:
    """The systemd unit is well-formed, and starts `frontdesk serve` with the settings file of the examples."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    unit.read(EXAMPLES / "frontdesk.service")
    assert unit["Service"]["ExecStart"].endswith("/frontdesk serve")
    assert unit["Service"]["Environment"].startswith("FRONTDESK_CONFIG=")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    """The example's proxy before a demo; a self-made certificate and a free port in place of the example's."""
    port = free_port()
    certificate, key = tmp_path / "chat.pem", tmp_path / "chat.key"
    subprocess.run(
        [*SELF_SIGNED, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    trusting = {"FRONTDESK_TRUSTED_PROXIES": '["127.0.0.1"]'}
    with Process(tmp_path / "data", environment=trusting) as demo:
        text = (EXAMPLES / "nginx.conf").read_text()
        for old, new in {
            "127.0.0.1:8080": f"127.0.0.1:{demo.port}",
            "443 ssl": f"127.0.0.1:{port} ssl",
            "/etc/ssl/chat.example.com.pem": str(certificate),
            "/etc/ssl/chat.example.com.key": str(key),
        }.items():
            assert old in text
            text = text.replace(old, new)
        frame = f"pid {tmp_path}/pid; error_log stderr; daemon off; events {{}} http {{ access_log off; {text} }}"
        (tmp_path / "nginx.conf").write_text(frame)
        nginx = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path])
        try:
            yield demo, f"https://127.0.0.1:{port}"
        finally:
            nginx.terminate()
            nginx.wait()


def curl(*arguments: str) -> str:
    """What curl prints; it waits for a server that is still starting."""
    fixed = [
        "curl",
        "--silent",
        "--show-error",
        "--insecure",
        "--retry",
        "50",
        "--retry-connrefused",
        "--retry-delay",
        "1",
    ]
    return subprocess.run([*fixed, *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


@pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")), reason="nginx and openssl are not installed"
)
def test_nginx_passes_the_api_and_hides_the_rest(proxy: tuple[Process, str]) -> None:
    """Through the example's proxy a web token comes and an event stream begins at once; metrics stay private."""
    _, url = proxy
    base = f"{url}/via/v2/organizations/viademo"
    assert "tokenId" in curl("-X", "POST", "-H", "x-api-key: demo-key", f"{base}/webToken")
    assert "frontdesk" not in curl(f"{url}/metrics")
