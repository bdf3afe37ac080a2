"""WIRING: settings → engines → actions → http. The only file that knows all parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from prometheus_client import CollectorRegistry

from frontdesk import telemetry
from frontdesk.actions.access import AccessTokens
from frontdesk.actions.admin import Admin
from frontdesk.actions.agents import Agents
from frontdesk.actions.call_backs import CallBacks
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.desks import Desks
from frontdesk.actions.detours import Detours
from frontdesk.actions.dialing import Dialing
from frontdesk.actions.handling import Handling
from frontdesk.actions.homes import Homes
from frontdesk.actions.journeys import Journeys
from frontdesk.actions.marking import Marking
from frontdesk.actions.messaging import Messaging
from frontdesk.actions.oauth import OAuth
from frontdesk.actions.oidc import Oidc
from frontdesk.actions.positions import Positions
from frontdesk.actions.rescheduling import Rescheduling
from frontdesk.actions.routing import Routing
from frontdesk.actions.scripts import Runner
from frontdesk.actions.sessions import Sessions
from frontdesk.actions.signing_in import SigningIn
from frontdesk.actions.switchboard import Switchboards
from frontdesk.actions.tokens import Keys, WebTokens
from frontdesk.actions.transferring import Transferring
from frontdesk.actions.usage import UsageCounter
from frontdesk.actions.wrapping import Wrapping
from frontdesk.domain.limits import IDEMPOTENCY_HOURS, Rate
from frontdesk.domain.model import Interaction, Session
from frontdesk.domain.sessions import touch
from frontdesk.domain.timers import Timers
from frontdesk.engines.oidc import HttpWeb
from frontdesk.engines.queries import cluster
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.engines.system import RandomIds, SystemClock
from frontdesk.figures import readings
from frontdesk.http import openapi, pages
from frontdesk.http.agents import AgentApi
from frontdesk.http.asgi import AsgiApp
from frontdesk.http.auditing import AuditApi
from frontdesk.http.auditing import routes as audit_table
from frontdesk.http.call_backs import CallBackApi
from frontdesk.http.colleagues import ColleagueApi
from frontdesk.http.dispatch import Dispatcher
from frontdesk.http.guard import Gate
from frontdesk.http.limits import Doors, Limiter, Proxies
from frontdesk.http.oauth import Address, OAuthApi
from frontdesk.http.oauth import routes as oauth_table
from frontdesk.http.ops import Operations, Readings
from frontdesk.http.provisioning import ProvisioningApi
from frontdesk.http.public import Limits, PublicApi
from frontdesk.http.records import RecordApi
from frontdesk.http.repeats import Repeats
from frontdesk.http.routes import Route, Router, table
from frontdesk.http.routes_agents import agent_table
from frontdesk.http.routes_provisioning import routes as provisioning_table
from frontdesk.http.sign_out import SignOutApi
from frontdesk.http.sign_out import routes as sign_out_table
from frontdesk.http.signin import SignInPages
from frontdesk.http.signin import routes as signin_table
from frontdesk.http.staff import StaffGate
from frontdesk.ports import Clock, Directory, Fenced, Gone, Ids, Recovered, Shift
from frontdesk.scripts import BUILT_IN
from frontdesk.settings import Settings
from frontdesk.streaming.hub import Hub

if TYPE_CHECKING:
    from frontdesk.engines.postgres import PostgresStore
    from frontdesk.together import Together

# Milliseconds between two looks for what is too old to keep.
_SWEEP_MS = 3600 * 1000
# Milliseconds between a failure of the store and reading it again: each try reads all that is alive.
_MEND_MS = 1000


AnyStore: TypeAlias = "PostgresStore | SqliteStore"


class App:
    """All parts of one running server, before it listens."""

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> App:
        """Open the store, put everything together and take up what is alive. Raises what the store raises."""

        def broke(error: BaseException) -> None:
            app.store_broke(error)

        store = await _postgres(settings.database, broke) if settings.database else SqliteStore(settings.data, broke)
        app = cls(settings, store, clock or SystemClock(), ids, facts)
        try:
            if not isinstance(store, SqliteStore):
                app.together = await _among_others(app, store)
                await app.together.join()
            await app.admin.load()
            app.take_up(await result_of(store.recover))
            if app.together is not None:
                await app.together.begin()
        except BaseException:
            await app.close()
            raise
        return app

    def __init__(
        self,
        settings: Settings,
        store: AnyStore,
        clock: Clock,
        ids: Ids | None,
        facts: Mapping[str, Any] | None,
    ) -> None:
        """See `open`."""
        self.settings = settings
        self.clock = clock
        self.timers = Timers()
        self.timers.on_failed = lambda error: telemetry.log.error("timer.failed", trace=telemetry.trace(error))
        self.store = store
        self.numbers = RandomIds(clock)
        self.hub = Hub(self.store, self.clock, self.timers)
        self.context = Context(self.store, self.hub, self.clock, ids or self.numbers, self.timers)
        self.keys = Keys()
        self.tokens = WebTokens(self.keys)
        self.access = AccessTokens(self.keys, self.context.directory)
        self.boards = Switchboards(self.context.directory)
        self.positions = Positions(self.context, self.boards)
        self.desks = Desks(self.context, self.hub.open, settings.sessions_max)
        self.homes = Homes(self.context)
        self.routing = Routing(self.context, self.boards, self.desks, self.positions, self.homes)
        self.agents = Agents(self.context, self.boards, self.desks, self.routing)
        self.handling = Handling(self.context, self.boards, self.desks, self.routing, self.homes)
        self.wrapping = Wrapping(self.context, self.boards, self.desks, self.routing, self.handling)
        self.transferring = Transferring(
            self.context, self.boards, self.desks, self.routing, self.handling, self.wrapping
        )
        self.scripts = Runner(self.context, self.routing, BUILT_IN)
        self.messaging = Messaging(self.context, self.routing, self.scripts, self.handling, self.wrapping)
        self.sessions = Sessions(self.context, self.messaging, self.positions, self.hub.open, settings.sessions_max)
        self.call_backs = CallBacks(self.context, self.boards, self.routing, self.homes)
        self.rescheduling = Rescheduling(
            self.context, self.desks, self.routing, self.handling, self.transferring, self.call_backs
        )
        self.marking = Marking(self.context, self.handling)
        self.usage = UsageCounter(self.context)
        self.admin = Admin(self.context, self.keys, self.scripts.knows)
        self.repeats = Repeats(self.store, self.clock)
        self.proxies = Proxies(settings.trusted_proxies)
        self.dispatcher = self._dispatcher(facts)
        self.asgi = AsgiApp(self.dispatcher)
        self.doors = Doors(settings.connections_per_address, self.proxies)
        self.stop: Callable[[], None] = lambda: None
        self.together: Together | None = None
        self._reads = 0
        self._over = False
        self.timers.at(self.clock.now_ms() + _SWEEP_MS, self._sweep)
        self._introduce()

    def _introduce(self) -> None:
        """Who is told of what: these know whom they are told by, and not the other way round."""
        self.homes.arrived = self.handling.arrive
        self.rescheduling.end = self.messaging.end
        self.messaging.on_booked = self.scripts.on_booked = self.call_backs.booked
        self.routing.on_vain = self.transferring.answered_in_vain
        self.handling.end = self.messaging.end
        self.hub.cursors.on_confirmed = self.marking.confirmed
        self.agents.give_back = self.transferring.give_back
        self.admin.call_off = self.rescheduling.call_off
        self.admin.on_directory = self._directory_changed
        self.hub.on_expired = self._expire
        self.hub.on_gone = self.dispatcher.heads.forget
        self.routing.on_detour = Detours(self.context, self.routing, self.scripts, self.messaging).go

    def recover(self) -> None:
        """Forget everything, and take up what the store holds. Until that is read, requests are told to come again."""
        if self._over:
            return
        self.forget()
        self.store.directory(partial(self._directory_read, self._reads))

    def forget(self) -> None:
        """Nothing is known any more, and nothing is taken until it is read again."""
        self._reads += 1
        self.dispatcher.reading = True
        self.hub.reset()
        for part in (self.positions, self.desks, self.boards, self.routing, self.homes, self.call_backs):
            part.clear()
        self.scripts.clear()
        self.repeats.clear()
        self.context.floor.clear()

    def _directory_changed(self) -> None:
        """Who was signed out hears no more; who learnt something is offered it."""
        self.desks.leave_out(self.boards, self.access.still_holds)
        self.agents.refresh()

    def _directory_read(self, read: int, found: Directory | BaseException) -> None:
        if isinstance(found, BaseException):
            self._read_failed(read, found)
        elif read == self._reads:
            self.admin.take(found)
            self.store.recover(partial(self._recovered, read))

    def _recovered(self, read: int, found: Recovered | BaseException) -> None:
        if isinstance(found, BaseException):
            self._read_failed(read, found)
        elif read == self._reads:
            self.take_up(found)
            self.dispatcher.reading = False

    def _read_failed(self, read: int, error: BaseException) -> None:
        """The disk may be gone altogether: keep trying. A node that was shut out begins anew as another."""
        if isinstance(error, Fenced) and self.together is not None:
            self.together.begin_anew()
            return
        telemetry.log.error("store.unreadable", error=repr(error))
        self.timers.at(self.clock.now_ms() + _MEND_MS, lambda now: self.recover() if read == self._reads else None)

    def take_up(self, found: Recovered) -> None:
        """Go on with what the store found alive: after a restart, or after another node went."""
        now_ms = self.clock.now_ms()
        shift = found.shift
        found = self.context.floor.adopt(found)
        self.homes.came(found.sessions)
        for session in found.sessions:
            if not session.ended_ms:
                touch(session, now_ms)
                self.hub.open(session)
        self._take_up_work(shift, found.interactions)
        for interaction in found.interactions:
            if interaction.grace_until_ms:
                self.timers.at(interaction.grace_until_ms, partial(self.sessions.grace_over, interaction))
            self.scripts.recover(interaction)
        telemetry.log.info("recovered", sessions=len(found.sessions), interactions=len(found.interactions))

    def _take_up_work(self, shift: Shift, interactions: Sequence[Interaction]) -> None:
        """What agents hold, and who waits for them."""
        for org_id in shift.org_ids:
            self.context.floor.switchboards.add(org_id)
            board = self.boards.of(org_id)
            board.take_up(shift)
            self.agents.take_up(board)
            self.wrapping.take_up(board)
            self.call_backs.take_up(org_id)
        for interaction in interactions:
            self.handling.arrive(interaction)

    def _expire(self, session: Session) -> None:
        """Nobody polled for the inactivity delay."""
        if session.stored:
            self.sessions.expire(session)
        else:
            self.desks.close(self.boards.of(session.org_id), session)

    def tick(self) -> None:
        """Run what is due now."""
        self.timers.advance(self.clock.now_ms())

    async def hand_over(self) -> None:
        """Leave everything to other nodes, if there are any, once all that is pending is written."""
        if self.together is None:
            return
        self.scripts.clear()
        self.hub.cursors.flush()
        self.usage.flush()
        await self._stored()
        self._over = True
        self.context.floor.clear()
        await self.together.leave()

    async def close(self) -> None:
        """Write everything that is pending, and let go of the data."""
        if not self._over:
            self.hub.cursors.flush()
            self.usage.flush()
        if self.together is not None:
            await self.together.close()
        await self.store.close()

    async def _stored(self) -> None:
        """Until what was handed in is durable, or was refused."""
        told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.store.commit((), told.set_result)
        await told

    def _dispatcher(self, facts: Mapping[str, Any] | None) -> Dispatcher:
        s = self.settings
        limits = self.limits = Limits(
            tokens_by_address=_limiter("tooManyTokens", "web tokens", s.tokens_per_address),
            tokens_by_organization=_limiter("tooManyTokens", "web tokens", s.tokens_per_organization),
            sessions_by_address=_limiter("tooManySessions", "new streaming sessions", s.sessions_per_address),
            messages_by_session=_limiter("tooManyMessages", "messaging requests", s.messages_per_session),
            polls_by_session=_limiter("tooManyPolls", "polls", s.polls_per_session),
        )
        directory = self.context.directory
        gate = Gate(directory, self.tokens, self.sessions, self.usage, self.clock)
        gate.staff = StaffGate(self.access, self.clock)
        api = PublicApi(
            self.store, self.clock, self.tokens, self.sessions, self.messaging, self.marking, self.hub, gate, limits
        )
        registry = CollectorRegistry()
        registry.register(Readings(partial(readings, self)))
        agents = AgentApi(
            self.context, self.boards, self.desks, self.agents, self.handling, self.wrapping, self.transferring,
            self.marking,
            Dialing(self.context, self.handling), self.rescheduling, self.hub, limits,
        )  # fmt: skip
        records = RecordApi(self.context, self.boards, self.desks)
        operations = Operations(registry, self._checks)
        provisioning = ProvisioningApi(self.admin, self.store, self.clock)
        audit = audit_table(AuditApi(self.admin.auditing, self.store))
        out = sign_out_table(SignOutApi(self.admin.users, self.admin.changes, self.store))
        call_backs = CallBackApi(self.context, self.rescheduling)
        agents_routes = (*agent_table(agents, records, ColleagueApi(directory, self.boards), call_backs), *out)
        routes = (*table(api, operations), *agents_routes, *provisioning_table(provisioning), *audit)
        router = Router((*routes, *self._signing_in(), *pages.routes(facts, partial(openapi.document, routes))))
        return Dispatcher(router, gate, self.repeats, self.proxies, directory.find_organization)

    def _signing_in(self) -> Sequence[Route]:
        s = self.settings
        oauth = OAuth(self.context, self.admin.changes, self.access)
        address = Address(s.public_url, tls=s.tls_certificate is not None)
        limiter = _limiter("tooManyTokenRequests", "requests for tokens and sign-ins", s.access_tokens_per_address)
        pages = SignInPages(
            self.context.directory, SigningIn(self.context, self.admin.changes, self.admin.users), oauth,
            Oidc(self.context, HttpWeb()), Journeys(self.keys), self.store, self.clock, self.limits, limiter,
            address,
        )  # fmt: skip
        tokens = OAuthApi(oauth, self.store, self.clock, limiter, address)
        return (*oauth_table(tokens), *signin_table(pages))

    def store_broke(self, error: BaseException) -> None:
        """Nothing is taken until the state is read again; not at once, as a full disk is full for a while."""
        telemetry.log.error("store.failed", error=repr(error))
        self.timers.at(self.clock.now_ms() + _MEND_MS, lambda now: self.recover())

    def _sweep(self, now_ms: int) -> None:
        self.store.commit([Gone(now_ms - IDEMPOTENCY_HOURS * 3600 * 1000)], lambda error: None)
        self.timers.at(now_ms + _SWEEP_MS, self._sweep)

    def _checks(self) -> tuple[bool, dict[str, str]]:
        try:
            self.store.admit()
            storage = "reading" if self.dispatcher.reading else "ok"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the operator wants to read
            storage = str(error.args[0])
        stopping = self.dispatcher.stopping
        # A shared database is away for all nodes: without any, a load balancer would tell contacts in words of its own,
        # which end their sessions, what each node tells them in ours, which let them wait.
        stores = storage == "ok" or self.together is not None
        return stores and not stopping, {"storage": storage, "serving": "stopping" if stopping else "ok"}


async def _postgres(url: str, broke: Callable[[BaseException], None]) -> PostgresStore:
    # Here and below, not at the top: what nodes need takes a third of a start, and one process on a file has no use
    # for it.
    from frontdesk.engines.postgres import PostgresStore  # noqa: PLC0415

    return await PostgresStore.open(url, broke)


async def _among_others(app: App, store: PostgresStore) -> Together:
    from frontdesk.together import Together  # noqa: PLC0415 - as above

    return Together(app, store, await store.read(cluster))


def _limiter(reason: str, what: str, a_minute: int) -> Limiter:
    return Limiter(reason, what, Rate(a_minute, 60) if a_minute else None)
