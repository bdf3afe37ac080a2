"""The command line."""

from __future__ import annotations

from frontdesk.cli.app import main

__all__ = ["main"]
