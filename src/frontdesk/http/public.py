"""The endpoints of contacts: web token, streaming, messaging. Each is parsed and guarded before it comes here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from frontdesk.actions.marking import Marking
from frontdesk.actions.messaging import Messaging
from frontdesk.actions.sessions import Sessions
from frontdesk.actions.tokens import WebTokens
from frontdesk.domain.callbacks import due_time
from frontdesk.domain.errors import Refusal, TooMany
from frontdesk.domain.model import Session
from frontdesk.domain.times import rfc3339
from frontdesk.http.bodies import contact_of, plain_id
from frontdesk.http.guard import Gate, Standing
from frontdesk.http.limits import Limiter, Shared
from frontdesk.http.polls import OpenStream, held, number, query
from frontdesk.http.wire import ACCEPTED, Again, Answer, Call, Pending, Result, json_answer
from frontdesk.ports import Carrier, Clock, Store
from frontdesk.streaming.hub import Hub


@dataclass(slots=True)
class Limits:
    """The limiters of the public API, by what they count."""

    tokens_by_address: Limiter
    tokens_by_organization: Limiter
    sessions_by_address: Limiter
    messages_by_session: Limiter
    polls_by_session: Limiter
    # Counts the first two over all nodes; None where there is but one.
    shared: Shared | None = None


@dataclass(slots=True)
class PublicApi:
    """The public API on the use cases."""

    store: Store
    clock: Clock
    tokens: WebTokens
    sessions: Sessions
    messaging: Messaging
    marking: Marking
    hub: Hub
    gate: Gate
    limits: Limits

    # ---- web token

    def web_token(self, call: Call) -> Result:
        """A bearer for one anonymous client (document, "Get Web Token")."""
        now_ms, limits = self.clock.now_ms(), self.limits
        limits.tokens_by_address.check(call.address, now_ms)
        limits.tokens_by_organization.check(call.organization.org_id, now_ms)
        if limits.shared is None:
            return self._issue(call)
        pending = Pending()
        asked = ((limits.tokens_by_address, call.address), (limits.tokens_by_organization, call.organization.org_id))
        limits.shared.check(asked, lambda refusal: self._counted(call, pending, refusal))
        return pending

    def _counted(self, call: Call, pending: Pending, refusal: TooMany | None) -> None:
        """Over all nodes, too, there was one left; or there was none."""
        try:
            if refusal is not None:
                raise refusal
            result = self._issue(call)
        except Refusal as refused:
            pending.refuse(refused)
            return
        if isinstance(result, Pending):
            result.then(pending.complete)
        else:
            pending.complete(result)

    def _issue(self, call: Call) -> Answer | Pending:
        now_ms = self.clock.now_ms()
        token, expires = self.tokens.issue(call.organization.org_id, now_ms)
        answer = json_answer({"tokenId": token, "expirationTime": rfc3339(expires * 1000)})
        return self._kept(call, answer)

    # ---- streaming

    def create_session(self, call: Call) -> Result:
        """A streaming session (document, "Establish a Streaming session")."""
        self.limits.sessions_by_address.check(call.address, self.clock.now_ms())
        body, pending = call.body, Pending()

        def answer(session: Session) -> Answer:
            fields = {
                "sessionId": session.session_id,
                "creationTime": rfc3339(session.created_ms),
                "inactivityDelay": session.inactivity_delay,
            }
            if session.interaction is not None:
                fields["interactionId"] = str(session.interaction.interaction_id)
            return json_answer(fields)

        def opened(result: Session | BaseException) -> None:
            if isinstance(result, BaseException):
                pending.refuse(result)
            else:
                pending.complete(answer(result))

        self.sessions.create(
            call.organization.org_id,
            opened,
            inactivity_delay=body.inactivity_delay if body else None,
            require_acknowledgement=bool(body and body.require_acknowledgement),
            resume=(body.resume_session_id or "") if body else "",
            extra=lambda session: call.extra(200, answer(session).body),
        )
        return pending

    def delete_session(self, call: Call) -> Result:
        """End the streaming session; the conversation waits for its grace time."""
        pending = Pending()

        def ended(error: BaseException | None) -> None:
            if error is None:
                pending.complete(Answer(204))
            else:
                pending.done(error)

        self.store.admit()
        self.sessions.end(call.session, ended)
        return pending

    def events(self, call: Call) -> Result:
        """The next events: a long poll, or server-sent events when the client accepts those."""
        request, session = call.request, call.session
        most, after = query(request.query)
        last_id = request.headers.get(b"last-event-id")
        if after is None and last_id:
            after = number(last_id.decode("latin-1"), "Last-Event-ID")
        now_ms = self.clock.now_ms()
        self.limits.polls_by_session.check(session.session_id, now_ms)
        if b"text/event-stream" in request.headers.get(b"accept", b""):
            stream = OpenStream(self.hub, session, request.carrier)
            self.hub.subscribe(session, stream, after)
            return stream
        if after is None:
            again = partial(self._poll_again, self.gate.keep(call), most)
            request.again = Again(session.session_id, session, request.cors, again)
        return held(self.hub, session, request.carrier, most, after, now_ms)

    def _poll_again(self, standing: Standing, most: int, _: bytes, carrier: Carrier, now_ms: int) -> Result | None:
        """The same poll once more; None when it must be looked at anew."""
        if not self.gate.still(standing, "GET streaming/events/webClient", now_ms):
            return None
        session = standing.session
        self.limits.polls_by_session.check(session.session_id, now_ms)
        return held(self.hub, session, carrier, most, None, now_ms)

    def acknowledge(self, call: Call) -> Result:
        """Everything up to a number is done."""
        self.limits.polls_by_session.check(call.session.session_id, self.clock.now_ms())
        self.hub.acknowledge(call.session, call.body.sequence_number)
        return ACCEPTED

    # ---- messaging

    def connect(self, call: Call) -> Result:
        """Begin a chat on this streaming session (document, "Connect"). Outcome and greeting come as events."""
        pending = self._message(call)
        work_type_id = plain_id(call.body.work_type_id, "workTypeId")
        self.messaging.connect(call.session, work_type_id, contact_of(call.body), pending.done, call.extra())
        return pending

    def send_text(self, call: Call) -> Result:
        """Say something in the open chat (document, "SendText"). 202 means it is stored for good."""
        pending = self._message(call)
        self.messaging.send_text(call.session, call.body.text, pending.done, call.extra())
        return pending

    def push_url(self, call: Call) -> Result:
        """Send a link into the open chat (document, "PushUrl")."""
        pending = self._message(call)
        self.messaging.push_url(call.session, call.body.url, pending.done, call.extra())
        return pending

    def dial(self, call: Call) -> Result:
        """Ask to be called on a number now, out of the open chat (document, "Dial")."""
        pending = self._message(call)
        self.messaging.dial(call.session, call.body.digits, pending.done, call.extra())
        return pending

    def notification(self, call: Call) -> Result:
        """Show the other side that the contact is composing (document, "Notification"). Never stored."""
        self._message(call)
        self.messaging.notify(call.session, call.body.state, call.body.expires_after_seconds)
        return ACCEPTED

    def read(self, call: Call) -> Result:
        """Show agents what the contact has read. Never stored."""
        self._message(call)
        self.marking.read_by_contact(call.session, plain_id(call.body.message_id, "messageId"))
        return ACCEPTED

    def preview(self, call: Call) -> Result:
        """Show agents what the contact is typing, where `previewsShown` was said. Never stored and never logged."""
        self._message(call)
        self.marking.preview(call.session, call.body.text)
        return ACCEPTED

    def disconnect(self, call: Call) -> Result:
        """End the open chat (document, "Disconnect"). Its last event is messaging.Disconnected."""
        pending = self._message(call)
        self.messaging.disconnect(call.session, pending.done, call.extra())
        return pending

    def schedule_call_back(self, call: Call) -> Result:
        """Book a voice callback at a time or after a delay (document, "ScheduleCallBack"). Needs no open chat."""
        pending, body = self._message(call), call.body
        due_ms = due_time(body.call_back_time, body.delay_start_duration, self.clock.now_ms())
        self.messaging.schedule_call_back(
            call.session,
            plain_id(body.work_type_id, "workTypeId"),
            contact_of(body),
            body.digits,
            due_ms,
            pending.done,
            call.extra(),
        )
        return pending

    def _message(self, call: Call) -> Pending:
        self.limits.messages_by_session.check(call.session.session_id, self.clock.now_ms())
        return Pending()

    def _kept(self, call: Call, answer: Answer) -> Answer | Pending:
        """`answer` at once, or, when an Idempotency-Key is to be remembered with it, once that is durable."""
        kept = call.extra(answer.status, answer.body)
        if not kept:
            return answer
        self.store.admit()
        pending = Pending()
        self.store.commit(kept, lambda error: pending.complete(answer) if error is None else pending.done(error))
        return pending
