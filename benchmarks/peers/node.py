"""engine.io (polling only) and Faye, with the small servers of this folder."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import sessions, wire
from benchmarks.paths import PEER_FILES
from benchmarks.peers.base import Missing
from benchmarks.processes import Server, free_port, running
from benchmarks.sessions import Record

JSON = {"Content-Type": "application/json"}
ENGINE = "/engine.io/?EIO=4&transport=polling"


def _install(package: str) -> str:
    """Fetch the locked npm packages when they are absent; returns the package's version."""
    manifest = PEER_FILES / "node_modules" / package / "package.json"
    if shutil.which("node") is None:
        raise Missing("node is not installed")
    if not manifest.exists() and shutil.which("npm"):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PEER_FILES, capture_output=True, check=False)
    if not manifest.exists():
        raise Missing(f"npm package {package} could not be installed")
    return str(json.loads(manifest.read_text())["version"])


def _start(script: str, folder: Path, cpus: str) -> AbstractContextManager[Server]:
    port = free_port()
    return running(["node", str(PEER_FILES / script), str(port)], cpus=cpus, port=port, folder=folder)


class EngineIo:
    """engine.io over HTTP polling: a message is echoed into its own session's poll."""

    name = "engine.io"
    rules = "eio"

    def install(self) -> str:
        """Install it from the npm registry."""
        return _install("engine.io")

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Run engineio.js."""
        return _start("engineio.js", folder, cpus)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Open every session; a pong request keeps each of them alive."""
        made = wire.make_many(server.port, sessions, _open_engine)
        return [record for session in made for record in session]


async def _open_engine(connection: wire.Connection, _: int) -> list[Record]:
    answer = await connection.ask(wire.request("GET", ENGINE, {}))
    target = f"{ENGINE}&sid={json.loads(answer.body[1:])['sid']}"
    text = {"Content-Type": "text/plain;charset=UTF-8"}
    return [
        Record("P", wire.request("GET", target, {})),
        Record("S", wire.request("POST", target, text, b"4" + sessions.send_body())),
        Record("O", wire.request("POST", target, text, b"3")),
    ]


class Faye:
    """Faye (Bayeux) over long polling: a message is published to a channel with one subscriber."""

    name = "faye"
    rules = "faye"

    def install(self) -> str:
        """Install it from the npm registry."""
        return _install("faye")

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Run faye.js."""
        return _start("faye.js", folder, cpus)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Shake hands and subscribe for every session."""
        made = wire.make_many(server.port, sessions, _open_faye)
        return [record for session in made for record in session]


async def _open_faye(connection: wire.Connection, number: int) -> list[Record]:
    hello = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    client = json.loads((await connection.ask(_bayeux(hello))).body)[0]["clientId"]
    await connection.ask(_bayeux({"channel": "/meta/subscribe", "clientId": client, "subscription": f"/s/{number}"}))
    poll = {"channel": "/meta/connect", "clientId": client, "connectionType": "long-polling"}
    send = {"channel": f"/s/{number}", "data": json.loads(sessions.send_body())}
    return [Record("P", _bayeux(poll)), Record("S", _bayeux(send))]


def _bayeux(message: Mapping[str, object]) -> bytes:
    return wire.request("POST", "/faye", JSON, json.dumps([message], separators=(",", ":")).encode())
