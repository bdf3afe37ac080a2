"""Starting, stopping and starting again; and the sentences for what stops a start."""

import errno
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import SERVE
from tests.cli.shell import FRONTDESK, ORG, PATIENCE_SECONDS, environment, frontdesk, refused, told
from tests.support.client import Client
from tests.support.server import Process

NOTHING = {"totalItems": 0, "events": []}


@pytest.fixture
def taken() -> Iterator[str]:
    """A port on which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])


def test_a_stop_answers_held_polls_empty_and_a_restart_goes_on(server: Process, key: str) -> None:
    """To a polling client a restart is one empty answer; its session and its conversation are there afterwards."""
    with Client(server.port, org=ORG, key=key) as client:
        client.token()
        client.session()
        client.connect("100")
        client.until("Text")
        poll = client.hold()
        until_held(server)
        ended: list[int] = []
        stopping = Thread(target=lambda: ended.append(server.stop()))
        stopping.start()
        answer = poll.answer()
        stopping.join(PATIENCE_SECONDS)
    assert (answer.status, answer.json()) == (200, NOTHING)
    assert ended == [0]

    server.restart()
    again = Client(server.port, org=ORG, key=key)
    again.credentials = client.credentials
    with again:
        again.say("hello")
        assert "Text" in [event["kind"].removeprefix("messaging.") for event in again.until("Text")]


def until_held(server: Process) -> None:
    """Until the server holds one poll; its metrics say so."""
    with Client(server.port) as looker:
        while 'frontdesk_sessions{kind="held"} 1.0' not in looker.ask("GET", "/metrics").body.decode():
            pass


def test_control_c_ends_it_with_status_0(data: Path) -> None:
    """It is the usual way to stop a demo."""
    with subprocess.Popen(
        (*FRONTDESK, "demo", "--port", "0", "--data", str(data)), stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        shown = iter(process.stdout.readline, "")
        assert any("frontdesk serves" in line for line in shown)
        process.send_signal(signal.SIGINT)
        assert "Stopped. Everything is stored" in process.stdout.read()
    assert process.returncode == 0


def test_control_c_while_it_starts_is_no_traceback(data: Path) -> None:
    """It is caught while it asks whether a server works on the data already: one that never answers."""
    data.mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(data / "control.sock"))
        silent.listen()
        with subprocess.Popen(
            (*FRONTDESK, "demo", "--port", "0", "--data", str(data)),
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            asking, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert process.stderr.read() == "frontdesk: Interrupted.\n"
            asking.close()
    assert process.returncode == 130


def test_a_second_server_on_the_same_data_is_refused(server: Process, data: Path) -> None:
    """It names the process that is in the way, which goes on undisturbed."""
    sentence = refused(*SERVE, "--data", str(data))
    assert f"A frontdesk (process {server.facts['pid']}) serves {data} already." in sentence
    assert "--data" in sentence
    with Client(server.port) as client:
        assert client.ask("GET", "/readyz").status == 200


def test_a_taken_port_is_said_with_what_to_do(data: Path, taken: str) -> None:
    """The option that helps is in the sentence."""
    sentence = refused("demo", "--port", taken, "--data", str(data))
    assert f"Port {taken} of 127.0.0.1 is taken by another program." in sentence
    assert "--port" in sentence


def test_a_foreign_address_is_said_with_what_to_do(data: Path, key: str) -> None:
    """192.0.2.1 is for documentation; no machine has it."""
    assert "This machine has no address 192.0.2.1." in refused(*SERVE, "--host", "192.0.2.1", "--data", str(data))


def test_serving_needs_an_installation(data: Path) -> None:
    """A mistyped folder must not come up as an empty server."""
    assert f"Nothing is set up in {data}. Run: frontdesk init" in refused(*SERVE, "--data", str(data))
    assert not data.exists()


def test_a_path_too_long_for_the_socket_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """Socket paths are short by the kernel, and nobody knows that."""
    folder = tmp_path / ("long" * 30)
    assert "too long for the control socket" in refused("demo", "--port", "0", "--data", str(folder))
    assert not folder.exists()


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    """With what to do about it."""
    (tmp_path / "file").touch()
    assert "is in the way: a folder is needed there." in refused("demo", "--port", "0", "--data", "file", cwd=tmp_path)


def test_half_a_certificate_is_said(data: Path, key: str, tmp_path: Path) -> None:
    """Before the data is opened."""
    (tmp_path / "pem").write_text("no PEM")
    variables = {"FRONTDESK_TLS_CERTIFICATE": "pem", "FRONTDESK_TLS_KEY": "pem"}
    assert "are no PEM certificate" in refused(*SERVE, "--data", str(data), cwd=tmp_path, env=variables)


def test_a_broken_database_is_said(data: Path, key: str) -> None:
    """In a sentence; the details are for `frontdesk doctor`."""
    (data / "frontdesk.db").write_bytes(b"no database at all" * 1000)
    assert "The database can't be used" in refused("org", "list", "--data", str(data))


def test_the_demo_prints_one_line_of_json(demo: Process, data: Path) -> None:
    """Programs start it and read where it is (design, section 7)."""
    people = {fact: demo.facts.pop(fact) for fact in ("users", "client")}
    assert [user["login"] for user in people["users"]] == ["agent", "agent2", "supervisor", "admin"]
    assert people["client"].keys() == {"id", "secret"}
    assert demo.facts == {
        "url": f"http://127.0.0.1:{demo.port}",
        "orgId": "viademo",
        "apiKey": "demo-key",
        "workTypes": {"agents": "79", "callback": "32", "script": "100"},
        "data": str(data.resolve()),
        "pid": demo.facts["pid"],
    }


def test_the_demo_prints_nothing_after_its_line(data: Path) -> None:
    """So that a program may read to the end."""
    with subprocess.Popen(
        (*FRONTDESK, "demo", "--json", "--port", "0", "--data", str(data)),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        process.terminate()
        assert process.stdout.read() == ""
    assert process.returncode == 0


def test_a_demo_killed_at_any_time_starts_again(demo: Process, data: Path) -> None:
    """What it had made is used again."""
    demo.kill()
    demo.restart()
    listed = told("worktype", "list", "viademo", data=data)
    # Made within the same millisecond, two may stand in either order.
    assert {row["workTypeId"] for row in listed} == {"79", "32", "100"}


def test_migrate_has_nothing_to_do_on_new_data(data: Path, key: str) -> None:
    """`init` makes the newest shape."""
    assert "Nothing to do" in frontdesk("migrate", "--data", str(data)).stdout


def test_migrate_beside_a_server_is_refused(server: Process, data: Path) -> None:
    """The server's picture of the data would be wrong."""
    assert "Another frontdesk works on" in refused("migrate", "--data", str(data))


def test_a_moved_installation_serves(data: Path, key: str) -> None:
    """Nothing in the folder names its own path."""
    moved = data.with_name("moved")
    shutil.move(data, moved)
    with Process(moved, command=SERVE) as server, Client(server.port, org=ORG, key=key) as client:
        client.token()


def test_nobody_listens_where_a_server_was(server: Process) -> None:
    """A stop lets go of the port."""
    port = server.port
    assert server.stop() == 0
    with pytest.raises(OSError) as refusal:  # noqa: PT011 - told apart by its number
        socket.create_connection(("127.0.0.1", port))
    assert refusal.value.errno == errno.ECONNREFUSED
