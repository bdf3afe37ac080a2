"""Logs and metrics: their names, and what may never be in them.

No log line holds a message's text, a name, a number, a token, a key or a session id.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("frontdesk")


def trace(error: BaseException) -> str:
    """Where `error` happened, the innermost call last, and its type; not its message, which may quote a customer."""
    calls = [f"{Path(f.filename).stem}.{f.name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return " > ".join([*calls, type(error).__name__])


def configure(level: str, *, as_json: bool) -> None:
    """Log to standard error from `level` on, as lines for people or as JSON, one object a line."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
