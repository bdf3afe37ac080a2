"""`frontdesk chat`: a contact's chat in the terminal, on the public API alone.

The main thread reads lines and sends them; a second one polls and prints. On a terminal the line being typed stays
below what arrives; through a pipe every line is sent, and the chat goes on until nothing more comes.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
import termios
import threading
import tty
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Self

from rich.markup import escape

from frontdesk.cli.contact import Contact, Json, Refused
from frontdesk.cli.output import console, errors, fail

# Seconds without an event after which piped input counts as answered.
_QUIET_SECONDS = 3.0
_PROMPT = "> "
_HELP = (
    "Lines you type are sent. /link URL · /dial NUMBER · /callback NUMBER MINUTES · "
    "/leave (go, and come back later) · /quit (end the chat; so does Ctrl+C)"
)


class Screen:
    """Lines above, the prompt below; whoever prints takes the lock.

    From `take` on it has the terminal to itself; as a context, it gives it back at the end.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._typing = ""
        self._forget: threading.Timer | None = None
        self._typed: Callable[[], str] = lambda: ""
        self._prompting = False
        self._in_line = False
        self._bell, self._ear = socket.socketpair()
        self._modes: list[Any] | None = None
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()

    def __enter__(self) -> Self:
        return self

    def take(self) -> None:
        """Have the terminal to itself."""
        # Rung by every signal: one that came just before a wait began would else be noticed at the next key.
        self._bell.setblocking(False)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        if self.interactive:
            # Editing and history of the line; importing it is what turns it on.
            import readline

            self._typed = readline.get_line_buffer
            self._modes = termios.tcgetattr(sys.stdin)
            # Key by key, without echo: readline draws what is typed.
            tty.setcbreak(sys.stdin, termios.TCSADRAIN)

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        with self._lock:
            self._wipe()
            self._prompting = False
        if self._modes is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._modes)

    def read(self) -> str:
        """The next line. Raises EOFError at the end of the input, KeyboardInterrupt after Ctrl+C or `wake`."""
        if self.interactive:
            self._wait_for_key()
        self._in_line = True
        try:
            return input(_PROMPT if self.interactive else "").strip()
        finally:
            self._in_line = self._prompting = False

    def _wait_for_key(self) -> None:
        with self._lock:
            self._prompting = True
            self._wipe()
            self._draw()
        ready, _, _ = select.select([sys.stdin, self._ear], [], [])
        if self._ear in ready:
            raise KeyboardInterrupt
        self._wipe()

    def wake(self) -> None:
        """End a `read` under way with KeyboardInterrupt."""
        self._bell.send(b"\0")
        if self._in_line:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def line(self, markup: str) -> None:
        """Print above the prompt."""
        with self._lock:
            self._wipe()
            console.print(markup, highlight=False, soft_wrap=True)
            self._draw()

    def composing(self, name: str, seconds: float) -> None:
        """Show beside the prompt that somebody types, until it is over; "" for nobody."""
        with self._lock:
            if self._forget is not None:
                self._forget.cancel()
            changed, self._typing = name != self._typing, name
            if name:
                self._forget = threading.Timer(seconds, self.composing, ("", 0.0))
                self._forget.daemon = True
                self._forget.start()
            if changed:
                self._wipe()
                self._draw()

    def _wipe(self) -> None:
        if self._prompting:
            sys.stdout.write("\r\033[K")

    def _draw(self) -> None:
        if self._prompting:
            typing = f"\033[2m{self._typing} is typing…\033[0m " if self._typing else ""
            sys.stdout.write(f"{typing}{_PROMPT}{self._typed()}")
            sys.stdout.flush()


class Talk:
    """One chat: what arrives is shown, what is typed is sent."""

    def __init__(self, contact: Contact, screen: Screen, work_type: str, name: str) -> None:
        self._contact = contact
        self._screen = screen
        self._hello = {"workTypeId": work_type, "contactName": name}
        self.over = threading.Event()
        self.news = threading.Event()
        # The first poll was answered: what the server had to say to a new chat is shown.
        self.heard = threading.Event()
        self._following = threading.Thread(target=self._follow, name="poll", daemon=True)
        contact.on_trouble = lambda sentence: screen.line(f"[yellow]{escape(sentence)}[/]")

    def begin(self, resume: str) -> None:
        """Open the session, and the chat unless one goes on. Raises Refused."""
        goes_on = self._contact.open(resume)
        if resume and not goes_on:
            self._screen.line("[yellow]That chat is over; this is a new one.[/]")
        if not goes_on:
            self._contact.send("connect", self._hello)
        self._following.start()

    def heard_out(self) -> None:
        """Wait, not for long, until what the server still had to say is shown."""
        if self._following.is_alive():
            self._following.join(_QUIET_SECONDS)

    def _follow(self) -> None:
        while not self.over.is_set() and not self._contact.stopped:
            self._listen()
        if not self.over.is_set():
            # We left between two polls: how the chat ended is in the next.
            self._listen()

    def _listen(self) -> None:
        try:
            for event in self._contact.poll():
                self._show(event)
            self.heard.set()
        except Refused as refused:
            self._lost(refused)
        except (KeyError, TypeError, ValueError) as error:
            self._end(f"The server sent an event that is not of the public API ({error!r}).")

    def _lost(self, refused: Refused) -> None:
        """The session is over (this machine slept, say): go on with a new one."""
        if self._contact.stopped:
            return
        try:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise refused
            goes_on = self._contact.open(self._contact.session_id)
        except OSError as error:
            self._end(str(error))
            return
        if not goes_on:
            self._end("The chat ended while the connection was away.")

    def _end(self, sentence: str) -> None:
        self._screen.line(f"[red]{escape(sentence)}[/]")
        self._finish()

    def _finish(self) -> None:
        self.over.set()
        self.heard.set()
        self._screen.wake()

    def _show(self, event: Json) -> None:
        self.news.set()
        kind = str(event["kind"]).removeprefix("messaging.")
        if kind == "Notification":
            self._screen.composing(event["entityName"], event["expiresAfterSeconds"])
            return
        if kind in ("Text", "PushUrl", "ParticipantLeft", "Disconnected"):
            self._screen.composing("", 0)
        if (show := _LINES.get(kind)) is not None:
            self._screen.line(show({name: _safe(value) for name, value in event.items()}))
        if kind == "Disconnected":
            self._finish()

    def say(self, line: str) -> None:
        """Send what was typed. Raises Refused."""
        word, _, rest = line.partition(" ")
        if not word.startswith("/"):
            self._contact.send("sendText", {"text": line})
        elif word == "/link":
            self._contact.send("pushUrl", {"url": rest.strip()})
        elif word == "/dial":
            self._contact.send("dial", {"digits": rest.strip()})
        elif word == "/callback":
            self._call_back(rest)
        else:
            self._screen.line(f"[dim]{_HELP}[/]")

    def _call_back(self, rest: str) -> None:
        digits, _, minutes = rest.strip().rpartition(" ")
        if not minutes.isdigit() or not digits:
            self._screen.line("[dim]/callback NUMBER MINUTES, as in: /callback +4312345678 30[/]")
            return
        self._contact.send("scheduleCallBack", {**self._hello, "digits": digits, "delayStartDuration": int(minutes)})


def _safe(value: Any) -> Any:
    """Nothing that arrives may move the cursor or colour the terminal."""
    if not isinstance(value, str):
        return value
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in value))


def _queue(e: Json) -> str:
    wait = e.get("estimatedWaitSeconds")
    about = f", about {wait['low']} to {wait['high']} s" if wait else ""
    return f"[dim]You are number {e['position']} in the queue{about}.[/]"


_LINES: dict[str, Callable[[Json], str]] = {
    "Connected": lambda e: f"[dim]Connected to work type {e['workTypeId']} as {e['contactName']}.[/]",
    "QueueStatus": _queue,
    "ParticipantJoined": lambda e: f"[dim]{e['entityName']} joined.[/]",
    "ParticipantLeft": lambda e: f"[dim]{e['entityName']} left.[/]",
    "Text": lambda e: f"[bold cyan]{e['entityName']}:[/] {e['text']}",
    "PushUrl": lambda e: f"[bold cyan]{e['entityName']}[/] sends a link: [underline]{e['url']}[/]",
    "Transferred": lambda e: f"[dim]You were put through to work type {e['workTypeId']}.[/]",
    "CallBackScheduled": lambda e: f"[green]We call {e['digits']} at {e['callBackTime']}.[/]",
    "DialAnswered": lambda e: (
        f"[green]{e['entityName']} {'calls' if e['answer'] == 'accepted' else 'does not call'} {e['digits']}.[/]"
    ),
    "Error": lambda e: f"[red]{e['message']}[/]",
    "Disconnected": lambda e: f"[dim]The chat is over ({e['reason']}).[/]",
}


def chat(contact: Contact, work_type: str, name: str, *, resume: str) -> None:
    """Chat until one side ends it. Raises OSError when there is no server, Refused when it does not want to."""
    screen = Screen()
    talk = Talk(contact, screen, work_type, name)
    stays = False
    # Ctrl+C means the same from the first moment on: the place in the queue may be shown before we wait for a key.
    with contextlib.suppress(KeyboardInterrupt), screen:
        _begin(talk, contact, resume)
        screen.take()
        if screen.interactive:
            screen.line(f"[dim]{_HELP}[/]")
        stays = _converse(talk, screen)
    _part(contact, talk, stays=stays)


def _begin(talk: Talk, contact: Contact, resume: str) -> None:
    try:
        talk.begin(resume)
    except Refused:
        raise
    except OSError as error:
        fail(f"{contact.url} can't be reached: {error.strerror or error}. Is it running? `frontdesk demo` starts one.")


def _converse(talk: Talk, screen: Screen) -> bool:
    """Until one side ends it; whether the chat is to stay open."""
    while not talk.over.is_set():
        try:
            line = screen.read()
        except EOFError:
            _wait_for_quiet(talk, screen)
            return False
        if line in ("/quit", "/leave"):
            return line == "/leave"
        if line and not talk.over.is_set():
            try:
                talk.say(line)
            except Refused as refused:
                screen.line(f"[red]{escape(str(refused))}[/]")
    return False


def _wait_for_quiet(talk: Talk, screen: Screen) -> None:
    """Until piped input counts as answered. The first answer comes within a poll's hold, however busy the server is."""
    if not screen.interactive:
        talk.heard.wait()
    while not screen.interactive and not talk.over.is_set() and talk.news.wait(_QUIET_SECONDS):
        talk.news.clear()


def _part(contact: Contact, talk: Talk, *, stays: bool) -> None:
    """Go, and say how to come back if the chat stays open."""
    with contextlib.suppress(OSError):
        # It may be over at the other end already, or the server gone: either way there is nothing left to end.
        contact.stop()
        if contact.session_id and not stays and not talk.over.is_set():
            contact.send("disconnect")
            talk.heard_out()
        if contact.session_id:
            contact.leave()
    if stays:
        errors.print(
            f"The chat waits for you for a while: frontdesk chat --resume {contact.session_id}", soft_wrap=True
        )
