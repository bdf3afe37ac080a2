"""What must hold of agents and conversations at any moment, in memory and in the store."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from frontdesk.actions.switchboard import Switchboard
from frontdesk.domain.assignments import TALKING, Assignment, Part, Stage
from frontdesk.domain.callbacks import AT_WORK
from frontdesk.domain.model import Channel, Interaction, State
from frontdesk.server import App

Rows = Callable[[str], Sequence[tuple[Any, ...]]]

_OPEN = (
    "SELECT interaction_id, state, owner, fence, work_type_id, for_agent FROM interactions"
    " WHERE closed_ms = 0 AND state <> 'scheduled'"
)
_LIVE = "SELECT assignment_id, interaction_id, user_id, part, stage FROM assignments WHERE ended_ms = 0"
_CALLED = "SELECT interaction_id, state FROM call_backs WHERE state IN ('queued', 'active')"
_AT_WORK = "SELECT user_id, state FROM agent_statuses WHERE state <> 'off'"
_CLOSED = "SELECT interaction_id FROM interactions WHERE closed_ms > 0"


def sound_in_memory(apps: Sequence[App], org_id: str) -> None:
    """Each conversation is at one node, and has exactly one owner or its place in the queue. Call it on the loop."""
    homes = [app for app in apps if app.homes.is_here(org_id)]
    assert len(homes) <= 1, "two nodes decide about the same agents"
    where = Counter(known for app in apps for known in app.context.floor.interactions)
    assert not [known for known, count in where.items() if count > 1], "a conversation is at home on two nodes"
    for app in apps:
        board = app.boards.of(org_id)
        if app not in homes:
            assert not board.live(), "a node that does not decide about agents knows what they hold"
            continue
        for interaction in app.context.floor.interactions.values():
            _one_owner(board, interaction)
        for assignment in board.live():
            _belongs(app, board, assignment)
        _queue_is_real(app, board)
        _call_backs_follow(app, board)
        _loads_fit(app, board)
        assert board.matcher.matches(app.clock.now_ms()) == [], "somebody waits whom an agent could take"


def arrived(apps: Sequence[App], org_id: str) -> bool:
    """Whether each conversation that agents hold is where they are. After a node's death some are on their way."""
    homes = [app for app in apps if app.homes.is_here(org_id)]
    return bool(homes) and all(
        app.desks.find(app.boards.of(org_id), a.interaction_id) for app in homes for a in app.boards.of(org_id).live()
    )


def _one_owner(board: Switchboard, interaction: Interaction) -> None:
    held = board.of_interaction(interaction.interaction_id)
    owners = [a for a in held if a.part is Part.OWNER]
    waits = interaction.interaction_id in board.matcher
    about = (interaction, held)
    assert len({a.user_id for a in held}) == len(held), about
    if interaction.state is State.QUEUED:
        assert waits != bool(owners), about
        assert [a.stage for a in held] == [Stage.OFFERED] * len(owners), about
        assert interaction.owner == "", about
        assert len(owners) <= 1, about
    elif interaction.state is State.ACTIVE:
        assert [(a.user_id, a.stage in TALKING) for a in owners] == [(interaction.owner, True)], about
        assert not waits, about
    else:
        assert interaction.state is State.SCRIPTED, about
        assert not held, about
        assert not waits, about


def _belongs(app: App, board: Switchboard, assignment: Assignment) -> None:
    """No assignment without its interaction."""
    interaction = app.desks.find(board, assignment.interaction_id)
    assert interaction is not None, assignment
    assert assignment.is_live, assignment
    assert (assignment.stage is Stage.WRAP) == (interaction.state is State.CLOSED), (assignment, interaction)
    assert (assignment.interaction_id in board.closed) == (assignment.stage is Stage.WRAP), assignment


def _queue_is_real(app: App, board: Switchboard) -> None:
    for channel in Channel:
        for work_type_id in board.matcher.lengths(channel):
            for interaction_id in board.matcher.queue(work_type_id, channel):
                interaction = app.context.floor.interactions[interaction_id]
                known = (interaction.state, interaction.channel, interaction.work_type_id)
                assert known == (State.QUEUED, channel, work_type_id), interaction
                if interaction.for_agent:
                    assert interaction.for_agent in board.statuses, "it waits for one who is not at work"
    assert board.closed.keys() == {a.interaction_id for a in board.live() if a.stage is Stage.WRAP}


def _call_backs_follow(app: App, board: Switchboard) -> None:
    """The record of each callback stands where its interaction does, and none is forgotten."""
    open_ones = [i for i in app.context.floor.interactions.values() if i.channel is Channel.CALLBACK]
    over = [i for i in board.closed.values() if i.channel is Channel.CALLBACK]
    assert sorted(board.call_backs) == sorted(i.interaction_id for i in (*open_ones, *over))
    for interaction in open_ones:
        known = board.call_backs[interaction.interaction_id]
        assert (known.state, known.work_type_id) == (interaction.state.value, interaction.work_type_id), interaction


def _loads_fit(app: App, board: Switchboard) -> None:
    for user in app.context.directory.users(board.org_id):
        agent = board.agent(user)
        for channel in Channel:
            assert agent.load[channel] <= agent.capacity[channel], agent


def as_stored(apps: Sequence[App], org_id: str, rows: Rows) -> None:
    """What memory says is what the store holds, once everything handed in is durable. Call it elsewhere."""
    conversations = [i for app in apps for i in app.context.floor.interactions.values()]
    boards = [app.boards.of(org_id) for app in apps]
    assert sorted(rows(_OPEN)) == sorted(
        (i.interaction_id, i.state.value, i.owner, i.fence, i.work_type_id, i.for_agent) for i in conversations
    )
    assert sorted(rows(_LIVE)) == sorted(
        (a.assignment_id, a.interaction_id, a.user_id, a.part.value, a.stage.value)
        for board in boards
        for a in board.live()
    )
    called = sorted(
        (c.interaction_id, c.state.value) for board in boards for c in board.call_backs.values() if c.state in AT_WORK
    )
    assert sorted(rows(_CALLED)) == called
    closed = {row[0] for row in rows(_CLOSED)}
    assert {known for board in boards for known in board.closed} <= closed
    at_work = sorted((s.user_id, s.state.value) for board in boards for s in board.statuses.values())
    assert sorted(rows(_AT_WORK)) == [known for known in at_work if known[1] != "off"]
