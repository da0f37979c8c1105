/** The laws of `RunBoard` and `Entitlements`: what people who watch are shown. */
import {
  type BoardFilter,
  type BoardPage,
  type BoardPosition,
  type BoardRun,
  type BoardScope,
  Entitlements,
  type Freshness,
  freshnessOf,
  idsOfTime,
  idsWithPrefix,
  intersectionOf,
  isCompleted,
  OperationType,
  type ReasonCode,
  Role,
  type Run,
  RunBoard,
  type RunId,
  type RunOutcome,
  type RunStatus,
  TenantId,
  UserId,
  WorkspaceId,
  wireStateOf
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { endings } from "./endings.ts"
import { IN_REAL_TIME, type RunPorts } from "./laws.ts"
import { blockStep, holdStep, startStep, stepOf } from "./rulings.ts"
import { asRunning, enqueuedOne, leaseAt, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt, WORLD_LASTS_MILLIS, type World } from "./World.ts"

/** When pages are read, in milliseconds from the beginning of the world. */
const READ_AFTER_MILLIS = 2

/** A world with a run in every state there is, of its tenant, of another one and of none, and of another type. */
const populated = Effect.fn("populated")(function* (world: World) {
  const { atMillis } = world
  const { subject } = world.dispatch()
  const otherTenant = TenantId.make(`${world.tenantId} too`)
  const otherType = OperationType.make(`${world.operationType} too`)
  const ofTenant = (tenantId: TenantId | null) => ({ subject: { ...subject, scope: { ...subject.scope, tenantId } } })
  const lease = leaseAt(atMillis)
  const runs: Array<BoardRun> = []
  const put = (run: Run, leaseUntilMillis: number | null = null) => runs.push({ run, leaseUntilMillis })

  put(yield* enqueuedOne(world.dispatch()))
  put(yield* enqueuedOne(world.dispatch({ expiresAtMillis: atMillis + 2 })))
  put(yield* enqueuedOne(world.dispatch(), atMillis + WORLD_LASTS_MILLIS / 2))
  // Given up before it could be tried again.
  put(yield* enqueuedOne(world.dispatch({ expiresAtMillis: atMillis + 1 }), atMillis + 60_000))
  for (const expiresAtMillis of [atMillis + 1, atMillis + WORLD_LASTS_MILLIS]) {
    put(yield* moved(holdStep(yield* enqueuedOne(world.dispatch({ expiresAtMillis })), atMillis)))
  }
  put(yield* startedOne(world.dispatch(), lease), lease.untilMillis)
  // Both to the millisecond when the pages are read: half of its time is over, and its lease ends.
  put(yield* enqueuedOne(world.dispatch({ expiresAtMillis: atMillis + 2 * READ_AFTER_MILLIS })))
  put(
    yield* startedOne(world.dispatch(), { ...lease, untilMillis: atMillis + READ_AFTER_MILLIS }),
    atMillis + READ_AFTER_MILLIS
  )
  put(yield* startedOne(world.dispatch(ofTenant(otherTenant)), leaseAt(atMillis - 120_000)), atMillis - 60_000)
  for (const ending of endings(world)) put(yield* moved(ending(yield* startedOne(world.dispatch(), lease))))
  for (const given of [
    ofTenant(null),
    ofTenant(otherTenant),
    {},
    { subject: { ...subject, operationType: otherType } }
  ]) {
    put(yield* moved(blockStep(yield* enqueuedOne(world.dispatch(given)), atMillis + 90_000)))
  }
  const expired = yield* enqueuedOne(world.dispatch({ ...ofTenant(null), expiresAtMillis: atMillis + 1 }))
  put(yield* moved(stepOf(expired, { _tag: "Expire", atMillis: atMillis + 1 })))
  put(yield* enqueuedOne(world.dispatch({ id: runIdAt(atMillis + 1_000) })))
  return { otherTenant, otherType, runs: runs.toSorted((a, b) => (a.run.dispatch.id < b.run.dispatch.id ? 1 : -1)) }
})
type Populated = Effect.Success<ReturnType<typeof populated>>

const STATUSES: ReadonlyArray<RunStatus> = ["queued", "running", "completed"]
const OUTCOMES: ReadonlyArray<RunOutcome> = [
  "pending",
  "succeeded",
  "partially_succeeded",
  "blocked",
  "failed",
  "cancelled"
]
const FRESHNESSES: ReadonlyArray<Freshness> = ["fresh_active", "likely_stale", "reconciled_failed", "terminal_normal"]
const REASONS: ReadonlyArray<ReasonCode> = ["workspace_mismatch", "write_gate_blocked", "tenant_missing"]

const filters = ({ tenantId, operationType, atMillis }: World, { otherTenant, otherType, runs }: Populated) => {
  const tenants: ReadonlyArray<BoardFilter> = [{}, { tenantId }, { tenantId: otherTenant }]
  const sometimes = idsOfTime(atMillis, atMillis)
  const prefix = idsWithPrefix(runs[0]?.run.dispatch.id.slice(0, 16).toUpperCase() ?? "")
  const exactly = runs[1]?.run.dispatch.id
  assert(prefix && exactly)
  const one: ReadonlyArray<BoardFilter> = [
    {},
    { operationType },
    { operationType: otherType },
    { held: true },
    { held: false },
    { ids: sometimes },
    { ids: prefix },
    { ids: { from: exactly, to: exactly } },
    { ids: intersectionOf(sometimes, prefix) },
    ...STATUSES.map((status) => ({ status })),
    ...OUTCOMES.map((outcome) => ({ outcome })),
    ...FRESHNESSES.map((freshness) => ({ freshness })),
    ...REASONS.map((reason) => ({ reason })),
    { status: "queued", outcome: "blocked" },
    { status: "queued", freshness: "likely_stale", held: true },
    { reason: "write_gate_blocked", status: "queued", operationType }
  ]
  return one.flatMap((filter) => tenants.map((tenant) => ({ ...filter, ...tenant })))
}

const reasonOf = (run: Run): ReasonCode | null => {
  if (run._tag === "Blocked") return run.failure.code
  return run._tag === "Queued" && run.held !== null ? run.held.failure.code : null
}

const isShown = (watched: BoardRun, scope: BoardScope, filter: BoardFilter, nowMillis: number): boolean => {
  const { run, leaseUntilMillis } = watched
  const { id, subject } = run.dispatch
  const facts: Readonly<Record<string, unknown>> = {
    ...wireStateOf[run._tag],
    held: run._tag === "Queued" && run.held !== null,
    operationType: subject.operationType,
    tenantId: subject.scope.tenantId,
    reason: reasonOf(run),
    freshness: freshnessOf(run, { nowMillis, leaseUntilMillis })
  }
  const { ids, ...conditions } = filter
  const isInRange = ids === undefined || (ids.from <= id && id <= ids.to)
  const isOfTenant = subject.scope.tenantId === null || scope.tenants.includes(subject.scope.tenantId)
  const isOfType = scope.operationTypes === null || scope.operationTypes.includes(subject.operationType)
  return isInRange && isOfTenant && isOfType && Object.entries(conditions).every(([key, value]) => facts[key] === value)
}

/** Every page there is, from the newest on, or from the oldest on. */
const walked = Effect.fnUntraced(function* (
  scope: BoardScope,
  filter: BoardFilter,
  {
    nowMillis,
    limit,
    lookThrough,
    isUpwards
  }: { nowMillis: number; limit: number; lookThrough: number; isUpwards: boolean }
) {
  const board = yield* RunBoard
  const shown: Array<BoardRun> = []
  let at: BoardPosition = isUpwards ? { _tag: "NewerThan", id: runIdAt(0) } : { _tag: "Newest" }
  for (;;) {
    const page: BoardPage = yield* board.page({ scope, filter, nowMillis, at, limit, lookThrough })
    assert.deepStrictEqual(page.unreadable, [])
    assert.isAtMost(page.runs.length, limit)
    assert(page.goesOnAt !== null || !page.isCutShort)
    if (isUpwards) shown.unshift(...page.runs)
    else shown.push(...page.runs)
    if (page.goesOnAt === null) return shown
    at = { _tag: isUpwards ? "NewerThan" : "OlderThan", id: page.goesOnAt }
  }
})

const idsOf = (watched: ReadonlyArray<BoardRun>): ReadonlyArray<RunId> => watched.map(({ run }) => run.dispatch.id)

const scopeOf = ({ workspaceId, tenantId }: World, more: Partial<BoardScope> = {}): BoardScope => ({
  workspaceId,
  tenants: [tenantId],
  operationTypes: null,
  ...more
})

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const boardLaws = <E>(
  name: string,
  adapter: Layer.Layer<RunPorts | RunBoard | Entitlements | AuthorityBook, E>
): void =>
  layer(adapter, IN_REAL_TIME)(`RunBoard: ${name}`, (it) => {
    it.effect("pages hold what matches and is in scope, once and newest first, however little is looked at", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const all = yield* populated(world)
        const scopes = [
          scopeOf(world),
          scopeOf(world, { tenants: [all.otherTenant, world.tenantId] }),
          scopeOf(world, { tenants: [] }),
          scopeOf(world, { tenants: [world.tenantId], operationTypes: [all.otherType] })
        ]
        const readings = [
          { limit: 200, lookThrough: 1_000, isUpwards: false },
          { limit: 3, lookThrough: 4, isUpwards: false },
          { limit: 2, lookThrough: 3, isUpwards: true }
        ]
        const nowMillis = world.atMillis + READ_AFTER_MILLIS
        for (const [at, filter] of filters(world, all).entries()) {
          const scope = scopes[at % scopes.length] ?? scopeOf(world)
          const expected = all.runs.filter((run) => isShown(run, scope, filter, nowMillis))
          for (const reading of at < scopes.length ? readings : readings.slice(at % 2, (at % 2) + 2)) {
            const shown = yield* walked(scope, filter, { ...reading, nowMillis })
            assert.deepStrictEqual(idsOf(shown), idsOf(expected), JSON.stringify({ filter, reading }))
            assert.deepStrictEqual(shown, expected)
          }
        }
      })
    )

    it.effect("a run is found with its lease, and not when there is none", () =>
      Effect.gen(function* () {
        const board = yield* RunBoard
        const world = yield* makeWorld
        const lease = leaseAt(world.atMillis)
        const queued = yield* enqueuedOne(world.dispatch())
        assert.deepStrictEqual(yield* board.find(queued.dispatch.id), { run: queued, leaseUntilMillis: null })
        const running = asRunning(yield* moved(startStep(queued, world.atMillis), lease))
        assert.deepStrictEqual(yield* board.find(running.dispatch.id), {
          run: running,
          leaseUntilMillis: lease.untilMillis
        })
        assert.strictEqual((yield* Effect.flip(board.find(runIdAt(world.atMillis, 4095))))._tag, "RunNotFound")
      })
    )

    it.effect("counts are those of the runs in scope, and say when they are not all", () =>
      Effect.gen(function* () {
        const board = yield* RunBoard
        const world = yield* makeWorld
        const { otherTenant, runs } = yield* populated(world)
        const scope = scopeOf(world, { tenants: [otherTenant] })
        const own = runs.map(({ run }) => run).filter((run) => run.dispatch.subject.scope.tenantId !== world.tenantId)
        const counted = (isOne: (run: Run) => boolean) => own.filter(isOne).length
        assert.deepStrictEqual(yield* board.active(scope, 1_000), {
          queued: counted(({ _tag }) => _tag === "Queued"),
          held: 0,
          running: 1,
          isAtLeast: false
        })
        assert.deepStrictEqual((yield* board.active(scopeOf(world), 1_000)).held, 2)
        const busy = yield* makeWorld
        for (const _ of [1, 2, 3]) yield* startedOne(busy.dispatch())
        for (const most of [1, 2, 3, 4]) {
          const active = yield* board.active(scopeOf(busy), most)
          assert.isTrue(active.isAtLeast ? active.running <= 3 : active.running === 3, `${most}`)
        }

        const asked = { scope, sinceMillis: world.atMillis, stretchMillis: 60_000, lookThrough: 1_000 }
        const { sinceMillis, counts } = yield* board.ends(asked)
        assert.strictEqual(sinceMillis, world.atMillis)
        const expected = own.filter(isCompleted).map((run) => ({
          fromMillis: Math.floor(run.completedAtMillis / 60_000) * 60_000,
          outcome: wireStateOf[run._tag].outcome,
          reason: reasonOf(run),
          count: 1
        }))
        // One failed in the first minute; two were blocked in the second, for one reason.
        const [blocked] = expected.filter(({ outcome }) => outcome === "blocked")
        assert(blocked && expected.length === 3)
        assert.sameDeepMembers(
          [...counts],
          [...expected.filter(({ outcome }) => outcome === "failed"), { ...blocked, count: 2 }]
        )
        const later = yield* board.ends({ ...asked, sinceMillis: world.atMillis + 60_000 })
        assert.deepStrictEqual(later.counts, [{ ...blocked, count: 2 }])
      })
    )

    it.effect("when too many ended, those counted are all since the instant that is told", () =>
      Effect.gen(function* () {
        const board = yield* RunBoard
        const world = yield* makeWorld
        for (const at of [1, 2, 3, 4])
          yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), world.atMillis + at))
        const asked = { scope: scopeOf(world), sinceMillis: world.atMillis, stretchMillis: 1_000, lookThrough: 3 }
        const { sinceMillis, counts } = yield* board.ends(asked)
        const counted = counts.reduce((sum, { count }) => sum + count, 0)
        assert.isAtLeast(counted, 2)
        const endedSince = [1, 2, 3, 4].filter((at) => world.atMillis + at >= sinceMillis)
        assert.strictEqual(counted, endedSince.length)
      })
    )

    it.effect("another workspace's runs are never among them", () =>
      Effect.gen(function* () {
        const board = yield* RunBoard
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        yield* enqueuedOne(world.dispatch())
        const scope = scopeOf(world, {
          workspaceId: other.workspaceId,
          tenants: [world.tenantId, other.tenantId]
        })
        const nowMillis = world.atMillis
        const position: BoardPosition = { _tag: "Newest" }
        const page: BoardPage = yield* board.page({
          scope,
          filter: {},
          nowMillis,
          at: position,
          limit: 10,
          lookThrough: 10
        })
        assert.deepStrictEqual(page.runs, [])
        assert.strictEqual((yield* board.active(scope, 10)).queued, 0)
        yield* enqueuedOne(other.dispatch())
        assert.strictEqual((yield* board.active(scope, 10)).queued, 1)
      })
    )

    it.effect("a person belongs to what the facts say they belong to", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const entitlements = yield* Entitlements
        const { workspaceId, tenantId, userId } = yield* makeWorld
        assert.deepStrictEqual(yield* entitlements.of(userId), { workspaces: [], tenants: [] })
        const [second, late] = [WorkspaceId.make(`${workspaceId}-a`), TenantId.make(`${tenantId}-é`)]
        yield* book.setMembership(second, userId, Role.make("reader"))
        yield* book.setMembership(workspaceId, userId, Role.make("reader"))
        yield* book.setMembership(workspaceId, UserId.make(`${userId} not`), Role.make("reader"))
        yield* book.setEntitlement(UserId.make(`${userId} not`), TenantId.make(`${tenantId} not`))
        yield* book.setEntitlement(userId, late)
        yield* book.setEntitlement(userId, tenantId)
        assert.deepStrictEqual(yield* entitlements.of(userId), {
          workspaces: [workspaceId, second],
          tenants: [tenantId, late]
        })
        yield* book.removeEntitlement(userId, tenantId)
        yield* book.removeMembership(second, userId)
        assert.deepStrictEqual(yield* entitlements.of(userId), { workspaces: [workspaceId], tenants: [late] })
      })
    )
  })
