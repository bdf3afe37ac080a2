"""Nchan: a pub/sub module in C for nginx; it checks nothing and keeps messages in memory."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import sessions, wire
from benchmarks.paths import PEER_FILES
from benchmarks.peers.base import Missing, install_packages, output, require
from benchmarks.processes import Server, free_port, raise_file_limit, running
from benchmarks.sessions import Record

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


class Nchan:
    """Debian's nginx with libnginx-mod-nchan, one worker."""

    name = "nchan"
    rules = "nchan"

    def install(self) -> str:
        """Install nginx and the module from the system's packages."""
        packages = ["nginx-core", "libnginx-mod-nchan"]
        self._nginx = require("nginx", packages=packages)
        if not MODULE.exists():
            install_packages(packages)
        if not MODULE.exists():
            raise Missing("nginx has no Nchan module (Debian: apt-get install libnginx-mod-nchan)")
        return output("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan")

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Write its configuration and run it in the foreground."""
        port = free_port()
        (folder / "nginx.conf").write_text(_configuration(folder, port))
        command = [self._nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
        return running(command, cpus=cpus, port=port, folder=folder)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """A channel a session; the first subscriber makes it."""
        return [record for number in range(sessions) for record in _channel(number)]


def _configuration(folder: Path, port: int) -> str:
    template = (PEER_FILES / "nchan.conf").read_text()
    files = raise_file_limit()
    values = {
        "@MODULE@": str(MODULE),
        "@FOLDER@": str(folder),
        "@PORT@": str(port),
        "@FILES@": str(files),
        "@SLOTS@": str(2 * files),
        # Workers of a root-owned nginx become www-data, who may not enter the benchmark's folder.
        "@USER@": "user root;" if os.geteuid() == 0 else "",
    }
    for mark, value in values.items():
        template = template.replace(mark, value)
    return template


def _channel(number: int) -> list[Record]:
    # Both values have a fixed width: the generator writes the last answer's over them.
    place = {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT", "If-None-Match": "0".ljust(10)}
    poll = wire.request("GET", f"/sub/{number}", place)
    send = wire.request("POST", f"/pub/{number}", {"Content-Type": "application/json"}, sessions.send_body())
    return [Record("P", poll), Record("S", send)]
