"""Who waits for what: rings wake polls, and every poll reads after its cursor.

There is one read path: after the cursor, from the tail in memory or, for what is older, from the log. A ring that
is lost or repeated changes nothing but delay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from frontdesk.domain import events as names
from frontdesk.domain.errors import Refusal, Unavailable
from frontdesk.domain.limits import MAX_EVENTS_MAX, POLL_HOLD_SECONDS
from frontdesk.domain.model import Entry, Session, StoredEvent
from frontdesk.domain.sessions import check_number, is_spent, over, touch
from frontdesk.domain.timers import Timers
from frontdesk.ports import Carrier, Clock, EventStream, Poll, Store
from frontdesk.streaming import longpoll, sse
from frontdesk.streaming.cursors import Cursors
from frontdesk.streaming.feed import Feed, Passing

# Milliseconds that an answer's fate may stay unknown when its client polls again on another connection. Machines
# wait up to 200 with their acknowledgement, and far networks take as long to carry it; what has not come by then
# was lost with the network, and is sent again.
DOUBT_MS = 500
_HOLD_MS = POLL_HOLD_SECONDS * 1000
COMPOSING, PREVIEW, TEXT = "messaging.Notification", "messaging.Preview", "messaging.Text"
POSITION, JOINED = "messaging.QueueStatus", "messaging.ParticipantJoined"
DISCONNECTED = "messaging.Disconnected"


class Hub:
    """All readers of this process."""

    def __init__(self, store: Store, clock: Clock, timers: Timers) -> None:
        self._store = store
        self._clock = clock
        self._timers = timers
        self._feeds: dict[str, Feed] = {}
        self.cursors = Cursors(store, clock, timers)
        self.on_expired: Callable[[Session], None] = lambda session: None
        # Told of a session that is over, or at home elsewhere: nothing of it is to be remembered.
        self.on_gone: Callable[[str], None] = lambda session_id: None
        self.held = 0
        self.delivered = 0
        self.redelivered = 0

    # ---- for the actions (ports.Streams)

    def open(self, session: Session) -> Feed:
        """Begin to watch a session: it expires when nobody polls it for its inactivity delay."""
        feed = self._feeds[session.session_id] = Feed(session)
        self._timers.at(session.deadline_ms, lambda now: self._look_alive(feed, now))
        return feed

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Append committed entries to their session's stream; then ring once, so that one answer carries them all."""
        rung: Feed | None = None
        for entry in entries:
            feed = self._append(entry)
            for listener in entry.interaction.listeners:
                listener.hear(entry)
            if rung is not None and feed is not rung:
                self._ring(rung)
            rung = feed or rung
        if rung is not None:
            self._ring(rung)

    def _append(self, entry: Entry) -> Feed | None:
        session, kind, number = entry.session, entry.kind, entry.stream_seq
        feed = self._feeds.get(session.session_id) if session is not None else None
        if feed is None:
            return None
        if feed.passing is not None:
            if kind == TEXT:
                # The message is what the typing was about; shown after it, it would never end.
                feed.passing.pop(COMPOSING, None)
            elif kind == JOINED:
                # Whoever is served does not wait: a position shown after it would say that they do.
                feed.passing.pop(POSITION, None)
            elif kind == DISCONNECTED:
                # Always the last event: a place in the queue shown after it would leave the contact waiting.
                feed.passing = None
        event_id = f"{entry.interaction.interaction_id}-{entry.seq}"
        body = names.envelope(kind, entry.time_ms, entry.payload, event_id=event_id, number=number)
        return feed if feed.append(number, body) else None

    def push(self, session: Session, kind: str, payload: str, event_id: str, time_ms: int) -> None:
        """Put an event on a stream that is not stored: it gets its number here."""
        feed = self._feeds.get(session.session_id)
        if feed is None or feed.is_lost:
            return
        if kind == TEXT and feed.passing:
            # Shown after the message, what was typed before it would look like the beginning of another.
            about = event_id.partition("-")[0]
            for unsent in (COMPOSING, PREVIEW):
                feed.passing.pop(unsent + about, None)
        session.stream_seq = number = session.stream_seq + 1
        feed.append(number, names.envelope(kind, time_ms, payload, event_id=event_id or f"e{number}", number=number))
        self._ring(feed)

    def passing(self, session: Session, kind: str, payload: str, expires_ms: int, about: str = "") -> None:
        """Send something that is never stored."""
        feed = self._feeds.get(session.session_id)
        if feed is None:
            return
        if feed.passing is None:
            feed.passing = {}
        feed.passing[kind + about] = Passing(names.envelope(kind, self._clock.now_ms(), payload), expires_ms)
        self._ring(feed)

    def closed(self, session: Session) -> None:
        """The session is over."""
        feed = self._feeds.pop(session.session_id, None)
        self.cursors.forget(session)
        self.on_gone(session.session_id)
        if feed is None:
            return
        feed.conclude()
        self._refuse(feed, over(session))

    def is_settled(self, session: Session) -> bool:
        """Whether its client has confirmed everything it was sent, as one that waits for more does."""
        feed = self._feeds.get(session.session_id)
        if feed is None or feed.channel is not None:
            return True
        return feed.doubt is None and (feed.poll is not None or feed.sent <= session.cursor)

    def when_settled(self, session: Session, call: Callable[[], None]) -> None:
        """Call once that is so: with the next poll, unless it leaves an answer in doubt."""
        feed = self._feeds.get(session.session_id)
        if feed is not None:
            feed.settled = call

    def _tell_settled(self, feed: Feed) -> None:
        if feed.settled is not None and self.is_settled(feed.session):
            call, feed.settled = feed.settled, None
            call()

    def give_away(self, session: Session) -> None:
        """Another node goes on with it."""
        feed = self._feeds.pop(session.session_id, None)
        self.cursors.forget(session)
        self.on_gone(session.session_id)
        if feed is None:
            return
        feed.conclude()
        if feed.poll is not None:
            self._release(feed).answer(longpoll.NOTHING)
        if feed.channel is not None:
            self._leave(feed).close()

    # ---- for clients

    def poll(self, session: Session, poll: Poll, max_events: int, after: int | None, now_ms: int) -> None:
        """Answer `poll` at once if there is something, else hold it (document: 15 s).

        A newer poll ends the older one with an empty answer, so no event can overtake another. Raises Invalid
        when `after` was never sent.
        """
        feed = self._arrive(session, poll.carrier, after, now_ms)
        feed.poll, feed.poll_max, feed.poll_after = poll, max_events, feed.sent
        feed.hold_until = now_ms + _HOLD_MS
        self.held += 1
        if feed.head > feed.sent or feed.passing or feed.doubt is not None:
            self._ring(feed)
        if feed.poll is poll and not feed.timed:
            feed.timed = True
            self._timers.at(feed.hold_until, lambda now: self._let_go(feed, now))
        if feed.settled is not None:
            self._tell_settled(feed)

    def subscribe(self, session: Session, channel: EventStream, after: int | None) -> None:
        """Send everything after the cursor, and what follows, to `channel` until it is left or closed."""
        now_ms = self._clock.now_ms()
        feed = self._arrive(session, channel.carrier, after, now_ms)
        feed.channel = channel
        self.held += 1
        channel.write(sse.OPENING)
        self._timers.at(now_ms + sse.HEARTBEAT_SECONDS * 1000, lambda now: self._beat(feed, channel, now))
        self._ring(feed)

    def acknowledge(self, session: Session, number: int) -> None:
        """The client has handled everything up to `number`. Raises Invalid when that was never sent."""
        feed = self._feed(session)
        check_number(number, feed.head)
        feed.sent = max(feed.sent, number)
        if feed.confirm(number):
            self.cursors.note(session)

    def left(self, session: Session, waiter: Poll | EventStream) -> None:
        """The connection of a held poll or stream went away: nothing was handed over, nothing is lost."""
        feed = self._feeds.get(session.session_id)
        if feed is None:
            return
        if feed.poll is waiter:
            self._release(feed)
        elif feed.channel is waiter:
            self._leave(feed)

    def more(self, session: Session, channel: EventStream) -> None:
        """A slow stream can be written to again."""
        feed = self._feeds.get(session.session_id)
        if feed is not None and feed.channel is channel:
            feed.full = False
            self._ring(feed)

    def drain(self) -> None:
        """Answer every held poll empty and end every stream: the process stops, and clients come back to the next."""
        for feed in list(self._feeds.values()):
            if feed.poll is not None:
                self._release(feed).answer(longpoll.NOTHING)
            if feed.channel is not None:
                self._leave(feed).close()

    def reset(self) -> None:
        """Forget every reader; held polls are refused with a passing fault. What matters is in the log."""
        again = Unavailable("storageFailed", "The server reads its data again; repeat the request in a moment.")
        for feed in list(self._feeds.values()):
            self._refuse(feed, again)
            self.on_gone(feed.session.session_id)
        self._feeds.clear()
        self.cursors.clear()

    # ---- inside

    def _feed(self, session: Session) -> Feed:
        feed = self._feeds.get(session.session_id)
        if feed is None:
            raise over(session)
        return feed

    def _arrive(self, session: Session, carrier: Carrier, after: int | None, now_ms: int) -> Feed:
        feed = self._feed(session)
        if feed.is_lost:
            self.on_expired(session)
            raise over(session)
        if after is not None:
            check_number(after, feed.head)
        if feed.poll is not None:
            self._release(feed).answer(longpoll.NOTHING)
        if feed.channel is not None:
            self._leave(feed).close()
        cursor, sent = session.cursor, feed.sent
        feed.settle(carrier, after)
        if session.cursor != cursor or feed.sent != sent:
            self._noted(feed, cursor, sent)
        if is_spent(session):
            raise over(session)
        touch(session, now_ms)
        if feed.doubt is not None:
            self._timers.at(now_ms, lambda now: self._judge(feed, now_ms + DOUBT_MS, now))
        return feed

    def _noted(self, feed: Feed, cursor: int, sent: int) -> None:
        """The feed stood at `cursor` and `sent`: store the cursor if it moved, count what goes out again."""
        if feed.sent < sent:
            self.redelivered += sent - feed.sent
        if feed.session.cursor != cursor:
            self.cursors.note(feed.session)

    def _is_settled(self, feed: Feed, *, last_look: bool) -> bool:
        cursor, sent = feed.session.cursor, feed.sent
        settled = feed.judge(last_look=last_look)
        self._noted(feed, cursor, sent)
        return settled

    def _judge(self, feed: Feed, until_ms: int, now_ms: int) -> None:
        """Look again whether an answer arrived on a connection that its client has left."""
        if feed.doubt is None:
            return
        if not self._is_settled(feed, last_look=now_ms >= until_ms):
            self._timers.at(now_ms, lambda now: self._judge(feed, until_ms, now))
        else:
            self._settled(feed)

    def _settled(self, feed: Feed) -> None:
        """No answer is in doubt any more: go on with whoever waits."""
        if feed.is_held and is_spent(feed.session):
            self._refuse(feed, over(feed.session))
        else:
            self._ring(feed)
            self._tell_settled(feed)

    def carriers(self, session_id: str) -> tuple[Carrier, ...]:
        """The connections whose fate counts for a session: of the answer in doubt, and of the last request."""
        feed = self._feeds.get(session_id)
        return () if feed is None else tuple(c for c in (feed.doubt, feed.carrier) if c is not None)

    def look_again(self, session_id: str) -> None:
        """More is known about an answer of this session's that was in doubt."""
        feed = self._feeds.get(session_id)
        if feed is not None and feed.doubt is not None and self._is_settled(feed, last_look=False):
            self._settled(feed)

    def _refuse(self, feed: Feed, error: Refusal) -> None:
        if feed.poll is not None:
            self._release(feed).refuse(error)
        if feed.channel is not None:
            self._leave(feed).close()

    def _ring(self, feed: Feed) -> None:
        """Something may be there: give it to whoever waits."""
        if feed.reading or feed.full:
            return
        if feed.doubt is not None and not self._is_settled(feed, last_look=False):
            return
        if feed.poll is not None:
            found = feed.take(feed.poll_after, feed.poll_max)
            if found is None:
                self._read(feed, feed.poll_after, feed.poll_max)
            else:
                self._answer(feed, found)
        elif feed.channel is not None:
            self._pour(feed)

    def _answer(self, feed: Feed, found: Sequence[bytes]) -> None:
        count = len(found)
        if feed.passing is not None:
            found = [*found, *feed.take_passing(self._clock.now_ms(), feed.poll_max - count)]
        if found:
            feed.sent = feed.poll_after + count
            self.delivered += count
            self._release(feed).answer(longpoll.body(found))

    def _pour(self, feed: Feed) -> None:
        found = feed.take(feed.sent, MAX_EVENTS_MAX)
        if found is None:
            self._read(feed, feed.sent, MAX_EVENTS_MAX)
            return
        if found and not feed.session.require_acknowledgement and feed.carrier and feed.carrier.delivered():
            # All earlier frames have arrived: only what is written from here on can be lost with the connection.
            if feed.confirm(feed.sent):
                self.cursors.note(feed.session)
            found = feed.take(feed.sent, MAX_EVENTS_MAX) or ()
        self._write(feed, found)

    def _write(self, feed: Feed, found: Sequence[bytes]) -> None:
        channel = feed.channel
        assert channel is not None
        for body in found:
            feed.sent += 1
            self.delivered += 1
            if not channel.write(sse.frame(body, feed.sent)):
                # Without an end to it, a reader that never reads would fill the memory.
                feed.full = True
                return
        for body in feed.take_passing(self._clock.now_ms(), MAX_EVENTS_MAX):
            channel.write(sse.frame(body))

    def _read(self, feed: Feed, after: int, limit: int) -> None:
        if not feed.session.stored:
            # What it missed is nowhere; a new session begins with a snapshot of everything.
            self.on_expired(feed.session)
            return
        feed.reading = True
        self._store.read_events(
            feed.session.session_id, after, limit, lambda found: self._read_done(feed, after, found)
        )

    def _read_done(self, feed: Feed, after: int, found: list[StoredEvent] | BaseException) -> None:
        feed.reading = False
        if isinstance(found, BaseException):
            self._refuse(feed, Unavailable("readFailed", "Reading failed; repeat the request in a moment."))
            return
        # The log may be ahead of what this thread was told is durable: sent from there, an event would be confirmed by
        # its client before it is known here, and refused as one that was never sent. It comes with its own ring.
        bodies = [
            names.envelope(e.kind, e.time_ms, e.payload, event_id=f"{e.interaction_id}-{e.seq}", number=e.stream_seq)
            for e in found
            if e.stream_seq <= feed.head
        ]
        if feed.poll is not None and feed.poll_after == after:
            self._answer(feed, bodies[: feed.poll_max])
        elif feed.channel is not None and feed.sent == after:
            self._write(feed, bodies)
        # Another reader may have come meanwhile, or a stream has more to read.
        if bodies and feed.is_held:
            self._ring(feed)

    def _release(self, feed: Feed) -> Poll:
        poll = feed.poll
        assert poll is not None
        feed.poll = None
        self.held -= 1
        touch(feed.session, self._clock.now_ms())
        return poll

    def _leave(self, feed: Feed) -> EventStream:
        channel = feed.channel
        assert channel is not None
        feed.channel, feed.full = None, False
        self.held -= 1
        touch(feed.session, self._clock.now_ms())
        return channel

    def _let_go(self, feed: Feed, now_ms: int) -> None:
        """The hold of a poll is over, or a later one took its place."""
        feed.timed = False
        if feed.poll is None:
            return
        if feed.hold_until > now_ms:
            feed.timed = True
            self._timers.at(feed.hold_until, lambda now: self._let_go(feed, now))
            return
        self._release(feed).answer(longpoll.NOTHING)

    def _beat(self, feed: Feed, channel: EventStream, now_ms: int) -> None:
        if feed.channel is channel:
            channel.write(sse.HEARTBEAT)
            self._timers.at(now_ms + sse.HEARTBEAT_SECONDS * 1000, lambda now: self._beat(feed, channel, now))

    def _look_alive(self, feed: Feed, now_ms: int) -> None:
        """At a session's deadline: expire it, or come back at the deadline that a poll has set since."""
        session = feed.session
        if self._feeds.get(session.session_id) is not feed:
            return
        if feed.is_held:
            touch(session, now_ms)
        if session.deadline_ms > now_ms:
            self._timers.at(session.deadline_ms, lambda now: self._look_alive(feed, now))
        else:
            self.on_expired(session)
