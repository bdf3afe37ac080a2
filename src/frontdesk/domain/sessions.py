"""The life of a streaming session: created, polled, expired; resumed by another."""

from __future__ import annotations

from frontdesk.domain.errors import Invalid, Refusal, desk_session_over, invalid_session
from frontdesk.domain.limits import INACTIVITY_DELAY_DEFAULT, INACTIVITY_DELAY_MAX, INACTIVITY_DELAY_MIN
from frontdesk.domain.model import Session


def open_session(
    session_id: str,
    org_id: str,
    now_ms: int,
    *,
    inactivity_delay: int | None = None,
    require_acknowledgement: bool = False,
) -> Session:
    """A new session, alive for `inactivity_delay` seconds. Raises Invalid when that is out of range."""
    delay = INACTIVITY_DELAY_DEFAULT if inactivity_delay is None else inactivity_delay
    if not INACTIVITY_DELAY_MIN <= delay <= INACTIVITY_DELAY_MAX:
        raise Invalid(
            "invalidInactivityDelay",
            f"Send whole seconds from {INACTIVITY_DELAY_MIN} to {INACTIVITY_DELAY_MAX}.",
            scope="inactivityDelay",
        )
    session = Session(
        session_id=session_id,
        org_id=org_id,
        inactivity_delay=delay,
        created_ms=now_ms,
        require_acknowledgement=require_acknowledgement,
    )
    touch(session, now_ms)
    return session


def touch(session: Session, now_ms: int) -> None:
    """A poll came or ended: the inactivity delay begins anew (document, "Establish a Streaming session")."""
    session.deadline_ms = now_ms + session.inactivity_delay * 1000


def take_over(new: Session, old: Session) -> None:
    """Let `new` go on where `old` stopped: same numbers, same open interaction.

    A client that follows the sequence numbers so renders each event once across the change.
    """
    new.first_id = old.first_id or old.session_id
    new.stream_seq, new.cursor = old.stream_seq, old.cursor
    new.interaction, old.interaction = old.interaction, None
    if new.interaction is not None:
        new.interaction.session_id = new.session_id
        new.interaction.grace_until_ms = 0


def check_number(number: int, newest: int) -> None:
    """Raises Invalid unless event `number` exists: a client can't have handled what was never sent."""
    if not 0 <= number <= newest:
        raise Invalid(
            "unknownSequenceNumber", f"The newest event of this session is number {newest}.", scope="sequenceNumber"
        )


def over(session: Session) -> Refusal:
    """The refusal of a session that is over: 401 for contacts, 400 for agents (contract, `wire.md`)."""
    return invalid_session() if session.stored else desk_session_over()


def is_spent(session: Session) -> bool:
    """Whether polling is over: the contact disconnected and has its last event."""
    return session.disposed and session.cursor >= session.stream_seq
