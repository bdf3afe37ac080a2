"""Work types: what they take, which script begins, and the rules by which agents are chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from frontdesk.actions.changes import Changes
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.provisioning import By, View
from frontdesk.actions.references import References
from frontdesk.domain.callbacks import AHEAD
from frontdesk.domain.catalog import WORK_TYPES, check_id, check_name
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.model import WorkType
from frontdesk.domain.rules import Detour, Instead, Rules, check_rules
from frontdesk.domain.times import rfc3339

_encode = msgspec.json.Encoder().encode
_rules = msgspec.json.Decoder(Rules)


class WorkTypes:
    """The work types of every organization. `has_script` knows the self-service scripts."""

    def __init__(
        self, context: Context, changes: Changes, references: References, has_script: Callable[[str], bool]
    ) -> None:
        self._context = context
        self._directory = context.directory
        self._changes = changes
        self._references = references
        self._has_script = has_script

    def views(self, org_id: str) -> list[View]:
        """All as the API shows them, by id."""
        return [_view(w) for w in sorted(self._directory.work_types(org_id), key=lambda w: w.work_type_id)]

    def view(self, org_id: str, work_type_id: str) -> View:
        """One as the API shows it. Raises NotFound."""
        return _view(self._work_type(org_id, work_type_id))

    async def create(self, by: By, work_type: WorkType) -> View:
        """A new one. Raises Invalid when it makes no sense, or its id is taken."""
        check_id(work_type.work_type_id, "workTypeId")
        if self._directory.work_type(by.org_id, work_type.work_type_id) is not None:
            raise Invalid(
                "workTypeExists", f"There is a work type {work_type.work_type_id} already.", scope="workTypeId"
            )
        self._check(work_type)
        await self._store(by, work_type, "created", keep=True)
        return _view(work_type)

    async def replace(self, by: By, work_type: WorkType) -> View:
        """Another one under the same id; it holds for who comes from now on. Raises NotFound, Invalid."""
        before = self._work_type(by.org_id, work_type.work_type_id)
        self._check(work_type)
        self._references.check_channels(by.org_id, work_type)
        changed = msgspec.structs.replace(work_type, created_ms=before.created_ms)
        await self._store(by, changed, "changed", was=_view(before))
        return _view(changed)

    async def change_rules(self, by: By, work_type_id: str, changes: dict[str, Any], *, anew: bool = False) -> View:
        """Change these rules (by wire name) and leave the others, or `anew` take the defaults for them.

        Raises NotFound, Invalid.
        """
        before = self._work_type(by.org_id, work_type_id)
        known = {} if anew or not before.rules else msgspec.json.decode(before.rules)
        try:
            rules = msgspec.convert({**known, **changes}, Rules)
        except msgspec.ValidationError as error:
            raise Invalid("invalidRules", f"These are no rules: {error}.", scope="rules") from None
        return await self.replace(by, msgspec.structs.replace(before, rules=rules_text(rules)))

    async def remove(self, by: By, work_type_id: str) -> None:
        """End one. Raises NotFound, and Invalid when something leads to it, or somebody waits in it."""
        before = self._work_type(by.org_id, work_type_id)
        self._references.check_unused(by.org_id, WORK_TYPES, work_type_id)
        await self._check_empty(by.org_id, work_type_id)
        ended = msgspec.structs.replace(before, removed_ms=self._context.clock.now_ms())
        await self._store(by, ended, "removed")

    async def _check_empty(self, org_id: str, work_type_id: str) -> None:
        """Contacts who wait in it would be offered to nobody, and callbacks booked on it never made."""
        waiting = await result_of(self._context.store.queues)
        booked = await result_of(partial(self._context.store.call_backs, org_id))
        if any(w.org_id == org_id and w.work_type_id == work_type_id for w in waiting):
            raise Invalid("stillInUse", "Contacts wait for this work type. Let them be served first.", scope="id")
        if any(c.work_type_id == work_type_id and c.state in AHEAD for c in booked):
            raise Invalid("stillInUse", "Callbacks are booked on this work type. Let them be made first.", scope="id")

    def _check(self, work_type: WorkType) -> None:
        check_name(work_type.name)
        if not work_type.channels or len(set(work_type.channels)) < len(work_type.channels):
            raise Invalid("invalidChannels", "Send chat, callback or both, each once.", scope="channels")
        self._check_script(work_type.script, "script")
        rules = check_rules(rules_of(work_type))
        for way, scope in ((rules.after_hours, "afterHours"), (rules.overflow, "overflow")):
            self._check_script(_script(way), scope)
        self._references.check_rules(work_type.org_id, work_type.work_type_id, rules)

    def _check_script(self, script: str, scope: str) -> None:
        if script and not self._has_script(script):
            raise Invalid("unknownScript", f"There is no script {script}.", scope=scope)

    def _work_type(self, org_id: str, work_type_id: str) -> WorkType:
        found = self._directory.work_type(org_id, work_type_id)
        if found is None:
            raise NotFound(
                "unknownWorkType", "There is no such work type; list them to see which there are.", scope="id"
            )
        return found

    async def _store(
        self, by: By, work_type: WorkType, what: str, *, was: View | None = None, keep: bool = False
    ) -> None:
        view = _view(work_type)
        detail = {"is": view} if was is None else {"was": was, "is": view}
        note = self._changes.note(
            by.org_id, by.actor, f"provisioning.workType.{what}", work_type.work_type_id, **detail
        )
        await self._changes.store([work_type, note, *(by.keep(view) if keep else ())])


def rules_of(work_type: WorkType) -> Rules:
    """Its routing rules."""
    return _rules.decode(work_type.rules) if work_type.rules else Rules()


def rules_text(rules: Rules) -> str:
    """Rules as they are stored with their work type; "" for the defaults."""
    return "" if rules == Rules() else _encode(rules).decode()


def _script(way: Detour) -> str:
    return way.target if way.instead is Instead.SCRIPT else ""


def _view(work_type: WorkType) -> View:
    rules = rules_of(work_type)
    # All of them: whoever reads it need not know the defaults.
    shown = {f.encode_name: msgspec.to_builtins(getattr(rules, f.name)) for f in msgspec.structs.fields(Rules)}
    return {
        "workTypeId": work_type.work_type_id,
        "name": work_type.name,
        "channels": [str(c) for c in work_type.channels],
        "script": work_type.script,
        "rules": shown,
        "createdTime": rfc3339(work_type.created_ms),
    }
