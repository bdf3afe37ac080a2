"""The endpoints of agents: streaming, routing status, interactions, messaging. Guarded before they come here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from frontdesk.actions.agents import Agents
from frontdesk.actions.context import Context
from frontdesk.actions.desks import Desks
from frontdesk.actions.dialing import Dialing
from frontdesk.actions.handling import Handling
from frontdesk.actions.marking import Marking, check_message
from frontdesk.actions.rescheduling import Rescheduling
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.transferring import Transferring
from frontdesk.actions.views import Transcript, subject, when
from frontdesk.actions.wrapping import Wrapping
from frontdesk.domain.callbacks import due_time
from frontdesk.domain.catalog import CannedResponse, Kind, filled
from frontdesk.domain.dialing import Given, check_answer
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.model import Session
from frontdesk.domain.people import User
from frontdesk.domain.times import rfc3339
from frontdesk.http.agent_bodies import AgentText, Standing
from frontdesk.http.bodies import plain_id
from frontdesk.http.on_record import acts_for_another, note
from frontdesk.http.polls import HeldPoll, OpenStream, held, number, query
from frontdesk.http.public import Limits
from frontdesk.http.records import good, number_of
from frontdesk.http.wire import ACCEPTED, Again, Answer, Call, Pending, Result, json_answer
from frontdesk.ports import Carrier, Record, Said
from frontdesk.streaming.hub import Hub

Act = Callable[..., None]
_canned = msgspec.json.Decoder(CannedResponse)


@dataclass(slots=True)
class AgentApi:
    """The agents' API on the use cases."""

    context: Context
    boards: Switchboards
    desks: Desks
    agents: Agents
    handling: Handling
    wrapping: Wrapping
    transferring: Transferring
    marking: Marking
    dialing: Dialing
    rescheduling: Rescheduling
    hub: Hub
    limits: Limits

    # ---- streaming

    def agent_session(self, call: Call) -> Result:
        """Open a streaming session; its first event is a snapshot of all the agent's work."""
        self.limits.sessions_by_address.check(call.address, self.context.clock.now_ms())
        body = call.body
        session = self.desks.open(
            self._board(call),
            call.bearer,
            body.inactivity_delay if body else None,
            require_acknowledgement=bool(body and body.require_acknowledgement),
        )
        return json_answer(
            {
                "sessionId": session.session_id,
                "creationTime": rfc3339(session.created_ms),
                "inactivityDelay": session.inactivity_delay,
            }
        )

    def agent_session_end(self, call: Call) -> Result:
        """End the streaming session. The agent's work goes on, and waits for the next one."""
        screen = self.desks.get(call.organization.org_id, call.session_id, call.bearer)
        self.desks.close(self._board(call), screen.session)
        return Answer(204)

    def agent_events(self, call: Call) -> Result:
        """The next events: a long poll, or server-sent events when the client accepts those."""
        request = call.request
        session = self.desks.get(call.organization.org_id, call.session_id, call.bearer).session
        most, after = query(request.query)
        last_id = request.headers.get(b"last-event-id")
        if after is None and last_id:
            after = number(last_id.decode("latin-1"), "Last-Event-ID")
        now_ms = self.context.clock.now_ms()
        self.limits.polls_by_session.check(session.session_id, now_ms)
        if b"text/event-stream" in request.headers.get(b"accept", b""):
            stream = OpenStream(self.hub, session, request.carrier)
            self.hub.subscribe(session, stream, after)
            return stream
        # Among other nodes each poll is looked at whole: its switchboard may move, and this node be shut out.
        if after is None and not self.context.node:
            known = self.context.directory.generation
            run = partial(self._poll_again, session, call.bearer.expires_ms, known, most)
            request.again = Again(session.session_id, session, request.cors, run)
        return held(self.hub, session, request.carrier, most, after, now_ms)

    def _poll_again(
        self, session: Session, expires_ms: int, known: int, most: int, _: bytes, carrier: Carrier, now_ms: int
    ) -> HeldPoll | None:
        """The same poll once more; None when it must be looked at anew.

        Whoever may call is in the directory: while nothing changed there, the bearer stands until the token expires.
        """
        if known != self.context.directory.generation or session.ended_ms or expires_ms <= now_ms:
            return None
        if not self.desks.has(session.session_id):
            return None
        self.limits.polls_by_session.check(session.session_id, now_ms)
        return held(self.hub, session, carrier, most, None, now_ms)

    def agent_acknowledge(self, call: Call) -> Result:
        """Everything up to a number is done."""
        screen = self.desks.get(call.organization.org_id, call.session_id, call.bearer)
        self.hub.acknowledge(screen.session, call.body.sequence_number)
        return ACCEPTED

    # ---- routing status

    def agent_connect(self, call: Call) -> Result:
        """Come to work, not ready yet; a client's session shows this user's work from now on."""
        user, extra = self._user(call, "connect")
        body, pending = call.body, Pending()
        wanted = [plain_id(w, "workTypeIds") for w in (body.work_type_ids or [])] if body else []
        maximum = body.maximum or 0 if body else 0
        session_id = call.request.headers.get(b"via-client-sessionid", b"").decode("latin-1")
        # Looked up first: what is refused must change nothing.
        screen = self.desks.get(user.org_id, session_id, call.bearer) if session_id else None
        self.agents.connect(user, wanted, maximum, pending.done, extra)
        if screen is not None:
            self.desks.bind(self._board(call), screen, user.user_id)
        return pending

    def agent_ready(self, call: Call) -> Result:
        """Take work from now on."""
        user, extra = self._user(call, "ready")
        pending = Pending()
        self.agents.ready(user, pending.done, extra)
        return pending

    def agent_not_ready(self, call: Call) -> Result:
        """Take no more work; what is held goes on. Without a reason of a supervisor's own it is `forced`."""
        user, extra = self._user(call, "notReady")
        body, pending = call.body, Pending()
        reason_id = plain_id(body.reason_id, "reasonId") if body and body.reason_id is not None else ""
        memo = (body.memo or "") if body else ""
        self.agents.not_ready(user, reason_id, memo, pending.done, extra, forced=self._is_forced(call, user))
        return pending

    def agent_disconnect(self, call: Call) -> Result:
        """Go home; refused while interactions are open."""
        user, extra = self._user(call, "disconnect")
        pending = Pending()
        self.agents.disconnect(user, pending.done, extra, forced=self._is_forced(call, user))
        return pending

    def agent_state(self, call: Call) -> Result:
        """Where an agent stands, and what they hold."""
        user, _ = self._user(call, "")
        board = self._board(call)
        status = board.status(user.user_id)
        held = ((a, self.desks.find(board, a.interaction_id)) for a in board.of_user(user.user_id))
        unread = Transcript(is_complete=False)
        return json_answer(
            Standing(
                user_id=user.user_id,
                state=status.state.value,
                since_time=when(status.since_ms),
                reason_id=status.reason_id,
                memo=status.memo,
                work_type_ids=status.work_type_ids or user.work_type_ids,
                maximum=status.maximum,
                interactions=tuple(subject(self.context, board, i, a, unread) for a, i in held if i is not None),
            )
        )

    # ---- interactions

    def accept(self, call: Call) -> Result:
        """Take an offered interaction."""
        return self._act(call, self.handling.accept)

    def reject(self, call: Call) -> Result:
        """Leave an offered interaction to others."""
        body = call.body
        reason_id = plain_id(body.reason_id, "reasonId") if body and body.reason_id is not None else ""
        return self._act(call, self.handling.reject, reason_id)

    def activate(self, call: Call) -> Result:
        """Show this interaction on all screens of the agent."""
        return self._act(call, self.handling.activate, noted=False)

    def hold(self, call: Call) -> Result:
        """Set an interaction aside."""
        return self._act(call, self.handling.hold, noted=False)

    def retrieve(self, call: Call) -> Result:
        """Take a held interaction up again."""
        return self._act(call, self.handling.retrieve, noted=False)

    def transfer(self, call: Call) -> Result:
        """Hand an interaction on: to a work type, or to a user, warm when that one is consulted already."""
        target, to_user = self._target(call.body.transfer_type, "transferType", call.body)
        return self._act(call, self.transferring.to_user if to_user else self.transferring.to_work_type, target)

    def consult(self, call: Call) -> Result:
        """Ask another agent, unseen by the contact."""
        target, to_user = self._target(call.body.consult_type, "consultType", call.body)
        return self._act(call, self.transferring.consult if to_user else self.transferring.consult_work_type, target)

    def conference(self, call: Call) -> Result:
        """Bring the consulted agent into the conversation."""
        return self._act(call, self.transferring.conference)

    def cancel(self, call: Call) -> Result:
        """End a consult or a conference."""
        return self._act(call, self.transferring.cancel)

    def end_conversation(self, call: Call) -> Result:
        """End the conversation."""
        return self._act(call, self.handling.disconnect)

    def dispose(self, call: Call) -> Result:
        """Finish the wrap-up."""
        body = call.body
        disposition = plain_id(body.disposition_id, "dispositionId") if body and body.disposition_id is not None else ""
        return self._act(call, self.wrapping.dispose, disposition, (body.memo or "") if body else "")

    def reschedule(self, call: Call) -> Result:
        """Put a callback off whose contact was not reached: any agent makes it then."""
        body = call.body
        due_ms = due_time(body.call_back_time, body.delay_start_duration, self.context.clock.now_ms())
        return self._act(call, self.rescheduling.reschedule, due_ms)

    # ---- messaging

    def agent_text(self, call: Call) -> Result:
        """Say something to the contact, or to the agents alone. 202 means it is stored for good."""
        body, pending = call.body, Pending()
        user, extra = self._speaker(call, "sendText")
        interaction_id, name = number_of(body.interaction_id), _name(body)
        text = self._text(user, interaction_id, body, name)
        self.handling.send_text(user, interaction_id, text, pending.done, extra, name=name, audience=body.audience)
        return pending

    def agent_push_url(self, call: Call) -> Result:
        """Send a link."""
        body, pending = call.body, Pending()
        user, extra = self._speaker(call, "pushUrl")
        self.handling.push_url(
            user,
            number_of(body.interaction_id),
            body.url,
            pending.done,
            extra,
            name=_name(body),
            audience=body.audience,
        )
        return pending

    def agent_notification(self, call: Call) -> Result:
        """Show the contact that the agent is composing. Never stored."""
        body = call.body
        user, _ = self._speaker(call, "notification")
        self.handling.notify(
            user, number_of(body.interaction_id), body.state, body.expires_after_seconds, name=_name(body)
        )
        return ACCEPTED

    def agent_read(self, call: Call) -> Result:
        """Show the contact what the agent has read. Never stored."""
        body = call.body
        user, _ = self._speaker(call, "read")
        message_id = plain_id(body.message_id, "messageId")
        self.marking.read_by_agent(user, number_of(body.interaction_id), message_id)
        return ACCEPTED

    def answer_dial(self, call: Call) -> Result:
        """Tell the contact who asked for it whether they are called. It stands in the conversation's log."""
        body, pending = call.body, Pending()
        user, extra = self._speaker(call, "answerDial")
        interaction_id, name = number_of(body.interaction_id), _name(body)
        request_id = check_message(plain_id(body.message_id, "messageId"))
        given = Given(request_id, check_answer(body.answer), name)

        def found(said: list[Said]) -> None:
            self.dialing.answer(user, interaction_id, said, given, pending.done, extra)

        self.dialing.requests(user, interaction_id, good(pending, found))
        return pending

    def agent_note(self, call: Call) -> Result:
        """Write something down for other agents."""
        pending = Pending()
        user, extra = self._speaker(call, "note")
        self.handling.note(user, number_of(call.body.interaction_id), call.body.text, pending.done, extra)
        return pending

    # ---- who

    def _board(self, call: Call) -> Switchboard:
        return self.boards.of(call.organization.org_id)

    def _user(self, call: Call, act: str) -> tuple[User, tuple[Record, ...]]:
        """The user of the path, and what is stored with the act: an audit entry when another does it for them."""
        user = call.user
        if user is None:
            user = call.user = self.agents.user(call.organization.org_id, call.parameters["userId"])
        extra: tuple[Record, ...] = call.extra()
        if act and acts_for_another(call, user.user_id):
            extra = (*extra, note(self.context, call, f"agent.{act}", user.user_id))
        return user, extra

    def _is_forced(self, call: Call, user: User) -> bool:
        """Whether another person does it for, or to, this user; a program is the user's own."""
        return call.bearer.user_id not in ("", user.user_id)

    def _speaker(self, call: Call, act: str) -> tuple[User, tuple[Record, ...]]:
        """The same, and one more of the messaging requests that a user may make. Raises TooMany.

        Of what a program says for its user, the conversation is the record: there would be a line for every text.
        """
        user, extra = self._user(call, act if call.bearer.user_id else "")
        self.limits.messages_by_session.check(f"{user.org_id} {user.user_id}", self.context.clock.now_ms())
        return user, extra

    def _text(self, user: User, interaction_id: int, body: AgentText, name: str) -> str:
        """What to say, as sent or canned. Raises Invalid, NotFound."""
        if body.canned_response_id is None and body.text is not None:
            return body.text
        if body.canned_response_id is None or body.text is not None:
            raise Invalid("invalidText", "Send exactly one of text and cannedResponseId.", scope="text")
        interaction = self.handling.talking(user, interaction_id).interaction
        canned_id = plain_id(body.canned_response_id, "cannedResponseId")
        item = self.context.directory.item(user.org_id, Kind.CANNED_RESPONSES, canned_id)
        if item is None:
            raise NotFound("unknownCannedResponse", "There is no such canned response.", scope="cannedResponseId")
        names = {"contactName": interaction.contact.name, "agentName": name or user.name}
        return filled(_canned.decode(item.body).text, names)

    def _act(self, call: Call, act: Act, *arguments: object, noted: bool = True) -> Result:
        interaction_id, pending = number_of(call.parameters["interactionId"]), Pending()
        user = self.agents.user(call.organization.org_id, self._holder(call, interaction_id))
        extra: tuple[Record, ...] = call.extra()
        if noted and acts_for_another(call, user.user_id):
            verb = call.request.path.rpartition("/")[2]
            extra = (*extra, note(self.context, call, f"interaction.{verb}", str(interaction_id), userId=user.user_id))
        act(user, interaction_id, *arguments, pending.done, extra)
        return pending

    def _holder(self, call: Call, interaction_id: int) -> str:
        """Who acts: the bearer, or for a client the one user of its session who holds the interaction."""
        if call.bearer.user_id:
            return call.bearer.user_id
        session_id = call.request.headers.get(b"via-client-sessionid", b"").decode("latin-1")
        if not session_id:
            raise Invalid("missingSessionId", "Send the header via-client-sessionid.", scope="via-client-sessionid")
        users = self.desks.get(call.organization.org_id, session_id, call.bearer).users
        held = {a.user_id for a in self._board(call).of_interaction(interaction_id)} & users
        if len(held) != 1:
            raise NotFound("notYours", "No single user of this session holds the interaction.", scope="interactionId")
        return held.pop()

    def _target(self, kind: str, scope: str, body: Any) -> tuple[str, bool]:
        if kind == "user" and body.user_id:
            return body.user_id, True
        if kind == "workType" and body.work_type_id is not None:
            return plain_id(body.work_type_id, "workTypeId"), False
        raise Invalid("invalidTarget", "Send workType with a workTypeId, or user with a userId.", scope=scope)


def _name(body: Any) -> str:
    name: str = body.entity_name or ""
    if len(name) > 200:  # noqa: PLR2004 - as contact names
        raise Invalid("invalidEntityName", "Send a name of at most 200 characters.", scope="entityName")
    return name
