"""Callbacks as supervisors see them: which there are, and calling one off that no agent has yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct, to_builtins

from frontdesk.actions.context import Context
from frontdesk.actions.rescheduling import Rescheduling
from frontdesk.actions.views import when
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import CallBack, CallBackState, Interaction
from frontdesk.http.on_record import note
from frontdesk.http.paging import page_of
from frontdesk.http.polls import fields_of, number
from frontdesk.http.provisioning_bodies import Page
from frontdesk.http.records import good
from frontdesk.http.wire import Answer, Call, Pending, Result, json_answer
from frontdesk.ports import Booked

STATES = tuple(state.value for state in CallBackState)


class ListedCallBack(Struct, frozen=True, rename="camel"):
    """A callback: when to call whom. `userId` is the agent who has it, or had it last, "" for none."""

    call_back_id: str
    interaction_id: str
    state: str
    call_back_time: str
    digits: str
    contact_name: str
    work_type_id: str
    user_id: str
    tries: int
    created_time: str


class CallBackList(Page, frozen=True, rename="camel", kw_only=True):
    """A page of callbacks, the next one due first."""

    items: list[ListedCallBack]


@dataclass(slots=True)
class CallBackApi:
    """On the store, where all are; those that are due and wait are in memory as well."""

    context: Context
    rescheduling: Rescheduling

    def list_call_backs(self, call: Call) -> Result:
        """An organization's callbacks, of one `state` or of all, in the order in which they are due."""
        after, limit = page_of(call.request.query)
        states, begin, pending = _states(call.request.query), _place(after), Pending()

        def page(found: list[Booked]) -> Answer:
            shown = found[:limit]
            whole: dict[str, Any] = {"totalItems": len(shown), "items": [_view(*booked) for booked in shown]}
            return json_answer({**whole, "next": _next(shown[-1][0])} if len(found) > limit else whole)

        read = good(pending, lambda found: pending.complete(page(found)))
        # One more than is shown tells whether others follow.
        self.context.store.page_of_call_backs(call.organization.org_id, states, begin, limit + 1, read)
        return pending

    def call_off(self, call: Call) -> Result:
        """Cancel a callback that no agent has yet."""
        pending, call_back_id = Pending(), call.parameters["callBackId"]
        org_id, noted = call.organization.org_id, note(self.context, call, "callBack.cancelled", call_back_id)

        def found(known: Booked | None) -> None:
            self.rescheduling.call_off(org_id, known, pending.done, (noted, *call.extra()))

        self.context.store.find_call_back(call_back_id, good(pending, found))
        return pending


def _states(raw: bytes) -> tuple[CallBackState, ...]:
    """Those asked for; all when none is named. Raises Invalid."""
    given = fields_of(raw, "state, limit and after").get("state", [])
    if any(state not in STATES for state in given):
        raise Invalid("invalidState", f"Send one of {', '.join(STATES)}.", scope="state")
    # Each has its own look into the store: named twice, it would be listed twice.
    return tuple(map(CallBackState, dict.fromkeys(given))) or tuple(CallBackState)


def _next(last: CallBack) -> str:
    """Where the next page begins: a time as well, as the callback may be put off until somebody asks."""
    return f"{last.due_ms}-{last.call_back_id}"


def _place(after: str) -> tuple[int, str]:
    """What `_next` says; before all others when nothing is sent. Raises Invalid."""
    due_ms, _, call_back_id = after.partition("-")
    if after and not (call_back_id.isascii() and call_back_id.isdigit()):
        raise Invalid("invalidAfter", "Send the next of the page before.", scope="after")
    return (number(due_ms, "after"), call_back_id) if after else (0, "")


def _view(call_back: CallBack, interaction: Interaction) -> dict[str, Any]:
    shown = ListedCallBack(
        call_back_id=call_back.call_back_id,
        interaction_id=str(call_back.interaction_id),
        state=call_back.state.value,
        call_back_time=when(call_back.due_ms),
        digits=call_back.digits,
        contact_name=call_back.contact.name,
        work_type_id=call_back.work_type_id,
        user_id=interaction.owner,
        tries=call_back.tries,
        created_time=when(call_back.created_ms),
    )
    view: dict[str, Any] = to_builtins(shown)
    return view
