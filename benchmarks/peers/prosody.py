"""Prosody: an XMPP server in Lua, spoken to over BOSH (XEP-0124)."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import sessions, wire
from benchmarks.paths import PEER_FILES
from benchmarks.peers.base import output, require
from benchmarks.processes import Server, free_port, running
from benchmarks.sessions import Record

# Ten digits from the start: the generator counts on from here without changing the width.
FIRST_RID = 1_000_000_001
BODY = "xmlns='http://jabber.org/protocol/httpbind'"
STREAM = "to='localhost' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'"
SIGN_IN = "<auth mechanism='ANONYMOUS' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
# Every address has the same width, which the generator needs to write one over another.
BIND = (
    "<iq type='set' id='b' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<resource>r</resource></bind></iq>"
)
# The generator writes a destination over this mark and what follows it.
DESTINATION = "@D"


class Prosody:
    """Prosody with anonymous users; senders and receivers are users of their own."""

    name = "prosody"
    rules = "bosh"

    def install(self) -> str:
        """Install it from the system's packages."""
        self._prosody = require("prosody", packages=["prosody"])
        return output("dpkg-query", "-W", "-f", "${Version}", "prosody")

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Write its configuration and run it in the foreground."""
        port = free_port()
        template = (PEER_FILES / "prosody.cfg.lua").read_text()
        configuration = folder / "prosody.cfg.lua"
        configuration.write_text(template.replace("@FOLDER@", str(folder)).replace("@PORT@", str(port)))
        return running([self._prosody, "--config", str(configuration)], cpus=cpus, port=port, folder=folder)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Sign in a user for every poll and for every sender."""
        receivers = wire.make_many(server.port, sessions, _receiver)
        speakers = wire.make_many(server.port, senders, _speaker)
        width = len(receivers[0][1].content)
        return [record for pair in receivers for record in pair] + [_send(speaker, width) for speaker in speakers]


class _Session:
    """One BOSH session while it is being set up."""

    def __init__(self, connection: wire.Connection) -> None:
        self._connection = connection
        self.rid = FIRST_RID
        self.sid = ""
        self.address = ""

    async def open(self, *, wait: int) -> None:
        """Create the stream, sign in, restart, bind; raises RuntimeError when the server refuses."""
        created = await self._ask(f"hold='1' wait='{wait}' ver='1.6' {STREAM}", "")
        self.sid = _find(r"\bsid='([^']+)'", created)
        _find("(<success)", await self._ask(f"sid='{self.sid}'", SIGN_IN))
        await self._ask(f"sid='{self.sid}' xmpp:restart='true' {STREAM}", "")
        self.address = _find("<jid>([^<]+)</jid>", await self._ask(f"sid='{self.sid}'", BIND))

    async def _ask(self, attributes: str, stanza: str) -> str:
        answer = await self._connection.ask(_bosh(f"rid='{self.rid}' {attributes}", stanza))
        self.rid += 1
        return answer.body.decode().replace('"', "'")


async def _receiver(connection: wire.Connection, _: int) -> list[Record]:
    session = _Session(connection)
    await session.open(wait=15)
    poll = _bosh(f"rid='{session.rid}' sid='{session.sid}'", "")
    return [Record("P", poll), Record("D", session.address.encode())]


async def _speaker(connection: wire.Connection, _: int) -> _Session:
    session = _Session(connection)
    # With wait 0 the server answers a request at once; else it would keep it to have something to answer on.
    await session.open(wait=0)
    return session


def _send(session: _Session, width: int) -> Record:
    text = sessions.send_body().decode().replace('"', "&quot;")
    target = DESTINATION.ljust(width, "x")
    stanza = f"<message xmlns='jabber:client' type='chat' to='{target}'><body>{text}</body></message>"
    return Record("S", _bosh(f"rid='{session.rid}' sid='{session.sid}'", stanza))


def _bosh(attributes: str, stanza: str) -> bytes:
    body = f"<body {attributes} {BODY}>{stanza}</body>".encode()
    return wire.request("POST", "/http-bind", {"Content-Type": "text/xml; charset=utf-8"}, body)


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"Prosody answered {text[:200]!r}")
    return found[1]
