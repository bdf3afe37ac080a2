"""A real `frontdesk demo` process: started, killed without warning, started again on the same data."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

FRONTDESK = (sys.executable, "-m", "frontdesk")


class Demo:
    """One run of the server; as a context it ends with SIGKILL, whatever happened inside."""

    def __init__(
        self, data: Path, *, command: Sequence[str] = FRONTDESK, environment: Mapping[str, str] | None = None
    ) -> None:
        arguments = ["demo", "--bench", "--port", "0", "--json", "--data", str(data)]
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Wait until it serves; its facts are known from here on."""
        if not self._serves():
            self.__exit__()
            raise AssertionError(f"the server ended with {self._process.returncode} before it served")
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self.kill()

    def starts(self) -> bool:
        """Whether it comes to serve; it is gone afterwards."""
        try:
            return self._serves()
        finally:
            self.__exit__()

    def _serves(self) -> bool:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.facts = json.loads(line or "{}")
        return bool(line)

    def kill(self) -> None:
        """End the process where it stands; returns once it is gone."""
        self._process.kill()
        self._process.wait()
