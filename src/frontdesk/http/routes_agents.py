"""The agents' part of the URL table (contract, `wire.md`, Agents)."""

from __future__ import annotations

from typing import Any

from frontdesk.domain.scopes import DESK, QUALITY, SUPERVISION
from frontdesk.http import agent_bodies as b
from frontdesk.http import schemas
from frontdesk.http.agents import AgentApi
from frontdesk.http.bodies import Acknowledge
from frontdesk.http.call_backs import CallBackApi, CallBackList
from frontdesk.http.colleagues import ColleagueApi, Colleagues
from frontdesk.http.guard import Guard
from frontdesk.http.records import RecordApi
from frontdesk.http.routes import Route, route

_QUALITY = "Quality"
_STREAM, _STATUS, _WORK, _TALK = "Agents: streaming", "Agents: status", "Agents: interactions", "Agents: messaging"


def agent_table(
    api: AgentApi, records: RecordApi, colleagues: ColleagueApi, call_backs: CallBackApi
) -> tuple[Route, ...]:
    """Every operation of agents."""
    bearer: dict[str, Any] = {"guard": Guard.BEARER, "scope": DESK, "at_switchboard": True}
    desk: dict[str, Any] = {**bearer, "guard": Guard.DESK}
    user, work = "engagementCenter/users/{userId}", "engagementCenter/interactions/{interactionId}"
    talk = "messaging/users/{userId}"
    quality: dict[str, Any] = {"guard": Guard.BEARER, "scope": QUALITY}
    return (
        route("POST", "streaming/session", api.agent_session, tag=_STREAM, summary="Open an agent's streaming session",
              body=b.AgentSession, body_required=False, success=200, answer=schemas.SessionCreated, **bearer),
        route("DELETE", "streaming/session", api.agent_session_end, tag=_STREAM, summary="End the streaming session",
              success=204, **desk),
        route("GET", "streaming/events", api.agent_events, tag=_STREAM, summary="Poll for an agent's events",
              success=200, answer=schemas.Events, **desk),
        route("POST", "streaming/acknowledge", api.agent_acknowledge, tag=_STREAM, summary="Acknowledge events",
              body=Acknowledge, **desk),
        route("POST", f"{user}/connect", api.agent_connect, tag=_STATUS, summary="Come to work",
              body=b.AgentConnect, body_required=False, **bearer),
        route("POST", f"{user}/ready", api.agent_ready, tag=_STATUS, summary="Take work", **bearer),
        route("POST", f"{user}/notReady", api.agent_not_ready, tag=_STATUS, summary="Take no more work",
              body=b.AgentNotReady, body_required=False, **bearer),
        route("POST", f"{user}/disconnect", api.agent_disconnect, tag=_STATUS, summary="Go home", **bearer),
        route("GET", f"{user}/state", api.agent_state, tag=_STATUS, summary="Where an agent stands",
              success=200, answer=b.Standing, **bearer),
        route("GET", "engagementCenter/users", colleagues.list_colleagues, tag=_STATUS, summary="Who else is there",
              success=200, answer=Colleagues, **bearer),
        route("POST", f"{work}/accept", api.accept, tag=_WORK, summary="Take an offer",
              body=b.Accept, body_required=False, **bearer),
        route("POST", f"{work}/reject", api.reject, tag=_WORK, summary="Leave an offer",
              body=b.Reject, body_required=False, **bearer),
        route("POST", f"{work}/activate", api.activate, tag=_WORK, summary="Show an interaction", **bearer),
        route("POST", f"{work}/hold", api.hold, tag=_WORK, summary="Set an interaction aside", **bearer),
        route("POST", f"{work}/retrieve", api.retrieve, tag=_WORK, summary="Take it up again", **bearer),
        route("POST", f"{work}/transfer", api.transfer, tag=_WORK, summary="Hand an interaction on",
              body=b.Transfer, **bearer),
        route("POST", f"{work}/consult", api.consult, tag=_WORK, summary="Ask another agent", body=b.Consult, **bearer),
        route("POST", f"{work}/conference", api.conference, tag=_WORK, summary="Bring the other agent in", **bearer),
        route("POST", f"{work}/cancel", api.cancel, tag=_WORK, summary="End a consult or conference", **bearer),
        route("POST", f"{work}/disconnect", api.end_conversation, tag=_WORK, summary="End the conversation", **bearer),
        route("POST", f"{work}/dispose", api.dispose, tag=_WORK, summary="Finish the wrap-up",
              body=b.Dispose, body_required=False, **bearer),
        route("POST", f"{work}/reschedule", api.reschedule, tag=_WORK, summary="Put a callback off",
              body=b.Reschedule, **bearer),
        route("GET", "engagementCenter/callBacks", call_backs.list_call_backs, tag=_WORK, summary="List callbacks",
              success=200, answer=CallBackList, guard=Guard.BEARER, scope=SUPERVISION),
        route("POST", "engagementCenter/callBacks/{callBackId}/cancel", call_backs.call_off, tag=_WORK,
              summary="Cancel a callback", **{**bearer, "scope": SUPERVISION}),
        route("GET", f"{work}/transcript", records.transcript, tag=_WORK, summary="Read a conversation",
              success=200, answer=b.TranscriptPage, **bearer),
        route("GET", f"{work}/routing", records.routing, tag=_WORK, summary="Why it is routed so",
              success=200, answer=b.RoutingRecord, **bearer),
        route("POST", f"{talk}/sendText", api.agent_text, tag=_TALK, summary="Say something",
              body=b.AgentText, repeats_head=True, **bearer),
        route("POST", f"{talk}/pushUrl", api.agent_push_url, tag=_TALK, summary="Send a link",
              body=b.AgentPushUrl, repeats_head=True, **bearer),
        route("POST", f"{talk}/notification", api.agent_notification, tag=_TALK, summary="Show composing",
              body=b.AgentNotification, repeats_head=True, **bearer),
        route("POST", f"{talk}/read", api.agent_read, tag=_TALK, summary="Show what is read",
              body=b.AgentRead, repeats_head=True, **bearer),
        route("POST", f"{talk}/answerDial", api.answer_dial, tag=_TALK, summary="Say whether the contact is called",
              body=b.DialAnswer, **bearer),
        route("POST", f"{talk}/note", api.agent_note, tag=_TALK, summary="Note something for agents",
              body=b.Note, **bearer),
        route("GET", "quality/recordings/{interactionId}", records.recording, tag=_QUALITY,
              summary="Read an interaction of any time", success=200, answer=b.Recording, **quality),
    )  # fmt: skip
