"""The examples do what they are shown for."""

import configparser
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Self
from urllib.parse import urlsplit

import pytest
import yaml

from frontdesk.domain.limits import POLL_HOLD_SECONDS
from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import Goodbye, HandOff, Input
from frontdesk.scripts import BUILT_IN
from frontdesk.settings import PREFIX, Settings, read
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


def complaints(text: str, folder: Path) -> list[str]:
    """What systemd finds wrong in the template; only the paths of an installation are put in place."""
    variables, program = folder / "frontdesk.env", shutil.which("true")
    variables.touch()
    for old, new in {"/etc/frontdesk.env": variables, "/opt/frontdesk/.venv/bin/frontdesk": program}.items():
        assert f"={old}" in text
        text = text.replace(old, str(new))
    unit = folder / "frontdesk@8081.service"
    unit.write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    looked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return [line for line in looked.stderr.splitlines() if "frontdesk" in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_node_unit_is_understood_by_systemd(tmp_path: Path) -> None:
    """The template is right; a slip of the finger in it would be seen."""
    text = (EXAMPLES / "frontdesk@.service").read_text()
    assert complaints(text, tmp_path) == []
    assert complaints(text.replace("RestartSec=", "RestrtSec="), tmp_path) != []


def variables_of(names: Iterable[str]) -> dict[str, bool]:
    """Which of these variables are settings of ours that exist; others' are left out."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return {name: name in known for name in names if name.startswith(PREFIX)}


def test_shared_variables_of_the_nodes_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """frontdesk.env, read as a shell and systemd read it, gives settings that fit."""
    lines = [line.removeprefix("# ") for line in (EXAMPLES / "frontdesk.env").read_text().splitlines() if "=" in line]
    given = {name: value for line in lines for name, _, value in [shlex.split(line)[0].partition("=")]}
    assert variables_of(given)
    assert all(variables_of(given).values())
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = read()
    assert settings.trusted_proxies == ["127.0.0.1"]
    assert settings.database.startswith("postgresql://")


def composed() -> dict[str, Any]:
    """compose.yaml, with its variables as somebody might set them."""
    text = (EXAMPLES / "compose.yaml").read_text()
    text = re.sub(r"\$\{FRONTDESK_BUS:-\}", "nats://nats:4222", text)
    text = re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]*\}", "secret", text)
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return found


NODES = ("node-a", "node-b", "node-c")


@pytest.mark.parametrize("node", NODES)
def test_nodes_in_containers_have_settings_that_exist(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every FRONTDESK_ variable is a setting, and the values are understood."""
    environment = composed()["services"][node]["environment"]
    assert all(variables_of(environment).values())
    for name, value in environment.items():
        assert isinstance(value, str), f"{name}: YAML makes something else of it than the container gets"
        monkeypatch.setenv(name, value)
    settings = read()
    assert (settings.host, settings.bus) == ("0.0.0.0", "nats://nats:4222")  # noqa: S104 - inside a container
    (network,) = composed()["networks"]["inside"]["ipam"]["config"]
    assert settings.trusted_proxies == [network["subnet"]]


def test_containers_name_each_other_as_they_are() -> None:
    """Hosts, ports, users, networks and volumes on one side are those of the other."""
    file = composed()
    services = file["services"]
    database = urlsplit(services["node-a"]["environment"]["FRONTDESK_DATABASE"])
    made = services["postgres"]["environment"]
    assert database.hostname == "postgres"
    assert (database.username, database.path) == (made["POSTGRES_USER"], f"/{made['POSTGRES_DB']}")
    assert services["node-a"]["environment"]["PGPASSWORD"] == made["POSTGRES_PASSWORD"]
    assert urlsplit(services["node-a"]["environment"]["FRONTDESK_BUS"]).hostname in services
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert set(service["networks"]) <= set(file["networks"]), name
    assert {volume.partition(":")[0] for volume in services["postgres"]["volumes"]} == set(file["volumes"])


def test_containers_are_asked_for_their_health_where_it_is() -> None:
    """The port that the node listens on, and a path that the server has."""
    node = composed()["services"]["node-a"]
    (url,) = re.findall(r"http://[^']+", " ".join(node["healthcheck"]["test"]))
    assert urlsplit(url).port == int(node["environment"]["FRONTDESK_PORT"])
    with running() as server, server.client() as client:
        assert client.ask("GET", urlsplit(url).path).status == 200


def test_the_balancer_knows_all_nodes_and_no_other() -> None:
    """By the names and the port that they have in compose.yaml, and it is published where it listens."""
    services = composed()["services"]
    text = (EXAMPLES / "haproxy.cfg").read_text()
    port = services["node-a"]["environment"]["FRONTDESK_PORT"]
    assert re.findall(r"^    server \w+ (\S+)$", text, re.MULTILINE) == [f"{node}:{port}" for node in NODES]
    assert set(NODES) == {name for name, service in services.items() if service["image"] == "frontdesk"}
    (listens,) = re.findall(r"^    bind :(\d+)$", text, re.MULTILINE)
    assert services["balancer"]["ports"] == [f"127.0.0.1:8080:{listens}"]
    (mounted, *_) = services["balancer"]["volumes"][0].split(":")
    assert (EXAMPLES / mounted).is_file()


def test_the_image_is_made_of_what_is_there() -> None:
    """The build's context and file exist, all that is copied is in the repository and let through, ports agree."""
    build = composed()["services"]["node-a"]["build"]
    context = (EXAMPLES / build["context"]).resolve()
    text = (context / build["dockerfile"]).read_text()
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()]
    let_through = (context / f"{build['dockerfile']}.dockerignore").read_text().splitlines()
    assert copied
    for name in copied:
        assert (context / name).exists(), name
        assert f"!{name.removeprefix('./')}" in let_through, name
    exposed = re.findall(r"^EXPOSE (\d+)$", text, re.MULTILINE)
    assert exposed == [composed()["services"]["node-a"]["environment"]["FRONTDESK_PORT"]]
    named = re.findall(r"\b(FRONTDESK_\w+)=", text)
    assert all(variables_of(named).values())


def test_time_outs_of_the_balancer_bear_held_polls() -> None:
    """Longer than a poll is held and than an event stream is silent, on both sides."""
    text = (EXAMPLES / "haproxy.cfg").read_text()
    seconds = {name: int(value) for name, value in re.findall(r"^    timeout (\S+) (\d+)s$", text, re.MULTILINE)}
    assert min(seconds["server"], seconds["client"]) > 2 * POLL_HOLD_SECONDS
    assert seconds["connect"] <= 2


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
