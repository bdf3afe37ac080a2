"""`frontdesk chat` against a real demo: through a pipe, and on a terminal."""

import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.shell import FRONTDESK, done, environment, frontdesk, refused
from tests.support.server import Process


@pytest.fixture(scope="module")
def demo() -> Iterator[Process]:
    """One for all of these; each chat is over before the next begins."""
    with TemporaryDirectory(prefix="frontdesk-") as folder, Process(Path(folder) / "data") as made:
        yield made


def said(demo: Process, typed: str, *arguments: str) -> str:
    """What a piped chat prints."""
    return done("chat", "--url", demo.facts["url"], *arguments, typed=typed)


def test_piped_lines_are_sent_and_answered(demo: Process) -> None:
    """Each line gets its answer before the chat is ended."""
    shown = said(demo, "prices\nhow does it work\n", "--name", "Ada")
    assert "Hello Ada, I am the concierge." in shown
    assert "you run it on your own machine" in shown
    assert "sends a link: https://" in shown
    assert shown.rstrip().endswith("The chat is over (contact).")


def test_goodbye_ends_the_chat_from_the_other_side(demo: Process) -> None:
    """The script hangs up, and so does the client."""
    assert said(demo, "bye\n").rstrip().endswith("The chat is over (system).")


def test_the_place_in_the_queue_is_shown(demo: Process) -> None:
    """Work type 79 waits for agents."""
    assert "You are number 1 in the queue." in said(demo, "", "--work-type", "79")


def test_a_callback_is_booked(demo: Process) -> None:
    """The time is shown as the server confirmed it."""
    assert "We call +43123456 at 2" in said(demo, "/callback +43123456 30\n", "--work-type", "32")


def test_a_refused_line_is_said_and_the_chat_goes_on(demo: Process) -> None:
    """The server's own sentence stands where the answer would."""
    shown = said(demo, "/link nonsense\nprices\n")
    assert "http" in shown
    assert "you run it on your own machine" in shown


def test_a_chat_that_was_left_is_resumed(demo: Process) -> None:
    """The conversation keeps its place: a second one would be number 2."""
    left = frontdesk("chat", "--url", demo.facts["url"], "--work-type", "79", typed="/leave\n")
    found = re.search(r"frontdesk chat --resume (\S+)", left.stderr)
    assert found is not None, left
    shown = said(demo, "", "--resume", found[1], "--work-type", "79")
    assert "You are number 1 in the queue." in shown
    assert "That chat is over" not in shown


def test_no_server_is_said() -> None:
    """With how to start one."""
    assert "can't be reached" in refused("chat", "--url", "http://127.0.0.1:1")


def test_a_wrong_key_is_said(demo: Process) -> None:
    """In the server's words."""
    assert "API key" in refused("chat", "--url", demo.facts["url"], "--key", "wrong")


def test_a_wrong_address_is_said() -> None:
    """Before anything is sent to it."""
    assert "is no address of a server" in refused("chat", "--url", "ftp://x")


class Terminal:
    """A chat on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self.shown = ""

    def type(self, keys: str) -> None:
        """As typed on the keyboard."""
        os.write(self._screen, keys.encode())

    def until(self, text: str) -> None:
        """Wait until the text is on the screen, below what was waited for before."""
        while text not in self.shown:
            part = self._read()
            assert part, f"it ended before {text!r}: {self.shown}"
            self.shown += part
        self.shown = self.shown.partition(text)[2]

    def rest(self) -> str:
        """All that comes until it ends."""
        while part := self._read():
            self.shown += part
        return self.shown

    def _read(self) -> str:
        try:
            return os.read(self._screen, 4096).decode(errors="replace")
        except OSError:
            # Linux: how a terminal says that nobody has it open any more.
            return ""


@contextmanager
def terminal(url: str, *arguments: str) -> Iterator[Terminal]:
    """A chat on a terminal; it is gone at the end."""
    screen, theirs = pty.openpty()
    variables = environment({"TERM": "xterm", "COLUMNS": "200"})
    command = (*FRONTDESK, "chat", "--url", url, *arguments)
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def test_a_chat_on_a_terminal(demo: Process) -> None:
    """Composing shows beside the prompt; the end needs no further key."""
    with terminal(demo.facts["url"]) as chat:
        chat.until("is typing…")
        chat.until("I am the concierge.")
        chat.type("prices\n")
        chat.until("is typing…")
        chat.until("you run it on your own machine")
        chat.type("bye\n")
        assert "The chat is over (system)." in chat.rest()
        assert chat.process.wait() == 0


def test_control_c_ends_the_chat_and_says_no_more(demo: Process) -> None:
    """The place in the queue is free for the next at once."""
    with terminal(demo.facts["url"], "--work-type", "79") as chat:
        chat.until("You are number 1 in the queue.")
        chat.process.send_signal(signal.SIGINT)
        assert "Traceback" not in chat.rest()
        assert chat.process.wait() == 0
    assert "You are number 1 in the queue." in said(demo, "", "--work-type", "79")


def test_control_c_is_heard_before_the_chat_has_begun() -> None:
    """A contact who is shown a place at once may change their mind as fast: no trace, no failure."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with terminal(url) as chat:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(4096).startswith(b"POST ")
                chat.process.send_signal(signal.SIGINT)
                assert chat.rest() == ""
                assert chat.process.wait() == 0


def test_a_chat_outlives_a_restart_of_the_server(data: Path) -> None:
    """It says that it tries again, and goes on in the same conversation."""
    with Process(data) as demo, terminal(demo.facts["url"]) as chat:
        port = str(demo.port)
        chat.until("I am the concierge.")
        demo.kill()
        chat.until("can't be reached")
        with Process(data, command=("demo", "--json", "--port", port)):
            chat.type("prices\n")
            chat.until("you run it on your own machine")
            chat.type("/quit\n")
            assert "The chat is over" in chat.rest() or chat.process.wait() == 0
