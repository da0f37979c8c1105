/** A workspace with a run in every state, served as a host would serve it behind a proxy that names the viewer. */
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { layerHeaderViewer } from "@countersign/adapters/monitoring"
import {
  asQueued,
  asRunning,
  decisionIdAt,
  enqueuedOne,
  favourableFacts,
  moved,
  runIdAt,
  stepOf
} from "@countersign/adapters/testing"
import {
  type AuthorityFacts,
  actorBound,
  admissionStep,
  type Dispatch,
  OperationType,
  ProviderConnectionId,
  type Queued,
  Role,
  type Run,
  type RunId,
  type Running,
  recheckStep,
  ScheduleId,
  type Snapshot,
  systemAuthority,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { sampleCatalogue, sampleRoles } from "@countersign/worker"
import { Effect, Exit, type Layer, ManagedRuntime, Result, Scope } from "effect"
import { serveMonitoring } from "../../../packages/worker/src/MonitoringServer.ts"

export const WORKSPACE = WorkspaceId.make("north")
export const OTHER_WORKSPACE = WorkspaceId.make("south")
const tenant = (name: string) => TenantId.make(name)
export const CONTOSO = tenant("contoso")
export const FABRIKAM = tenant("fabrikam")

/** The header in which the proxy names the viewer. */
export const VIEWER_HEADER = "x-forwarded-user"

/** `eve` sees everything, `ada` no sensitive operation, `cleo` only one tenant, `zoe` nothing here. */
export const VIEWERS = ["eve", "ada", "cleo", "zoe"] as const

const minutes = (count: number) => count * 60_000
const hours = (count: number) => minutes(60 * count)

const HOSTILE = "<img src=x onerror=alert(1)>\u202Eevil\u202C \u0007\u0000👩‍👩‍👧‍👦 \"'`</script>"
export const HOSTILE_NAME = '<b onmouseover="alert(1)">مرحبا \u202Ereversed 👩‍👩‍👧‍👦</b>'
const LONG_MESSAGE = `${HOSTILE}${"very long words without end ".repeat(400)}`

type Given = Partial<Omit<Dispatch, "subject">> & {
  readonly type?: string
  readonly tenant?: TenantId | null
  readonly by?: string | null
  readonly workspace?: WorkspaceId
}

let sequence = 0

/** A dispatch of so long ago. */
const dispatched = (nowMillis: number, agoMillis: number, given: Given = {}): Dispatch => {
  const { type = "inventory_sync", tenant: tenantId = CONTOSO, by = "ada", workspace = WORKSPACE, ...rest } = given
  const atMillis = nowMillis - agoMillis
  sequence += 1
  return {
    id: runIdAt(atMillis, sequence),
    subject: {
      operationType: OperationType.make(type),
      authority: by === null ? systemAuthority : actorBound(UserId.make(by)),
      scope: {
        workspaceId: workspace,
        tenantId,
        providerConnectionId: tenantId === null ? null : ProviderConnectionId.make(`graph-${tenantId}`.slice(0, 255))
      }
    },
    actorKind: by === null ? "scheduled" : "human",
    initiatorName: by === null ? null : by.charAt(0).toUpperCase() + by.slice(1),
    payload: { secret: "do-not-show" },
    identity: `run-${sequence}`,
    maxAttempts: 3,
    dispatchedAtMillis: atMillis,
    expiresAtMillis: atMillis + hours(24 * 7),
    retryOf: null,
    priority: "normal",
    slot: by === null ? { scheduleId: ScheduleId.make("nightly"), slotMillis: atMillis } : null,
    ...rest
  }
}

const snapshotOf = (
  { dispatch: { subject } }: Run,
  takenAtMillis: number,
  change: (facts: AuthorityFacts) => Partial<AuthorityFacts> = () => ({})
): Snapshot => {
  const requirements = sampleCatalogue.requirementsOf(subject.operationType)
  const favourable = favourableFacts(subject, takenAtMillis - minutes(5))
  const asked = requirements?.capability
  const facts: AuthorityFacts = {
    ...favourable,
    prerequisites: (requirements?.prerequisites ?? []).map((name) => ({
      name,
      workspaceId: subject.scope.workspaceId,
      tenantId: subject.scope.tenantId,
      satisfied: true
    })),
    membership: favourable.membership && { ...favourable.membership, capabilities: asked == null ? [] : [asked] }
  }
  return { takenAtMillis, subject, requirements, facts: { ...facts, ...change(facts) } }
}

const circumstances = (atMillis: number) => ({
  decisionId: decisionIdAt(atMillis),
  epoch: 4,
  sources: {
    workspace: "countersign.workspaces",
    tenant: "countersign.tenants",
    initiator: "countersign.users",
    membership: "countersign.memberships",
    entitlement: "countersign.tenant_entitlements",
    connection: "countersign.provider_connections",
    writeGate: "countersign.write_gates"
  }
})

type Change = (facts: AuthorityFacts) => Partial<AuthorityFacts>

const admitted = (
  run: Queued,
  atMillis: number,
  change?: Change,
  hold?: { retryMillis: number; deadlineMillis: number }
) => Result.getOrThrow(admissionStep(run, snapshotOf(run, atMillis, change), circumstances(atMillis), hold ?? null))

const started = (run: Queued, atMillis: number, leaseUntilMillis: number) =>
  Effect.map(moved(admitted(run, atMillis), { holder: "worker-a", untilMillis: leaseUntilMillis }), asRunning)

const withoutPermission: Change = ({ membership }) => ({
  membership: membership && { ...membership, capabilities: [] }
})
const archived: Change = ({ tenant: of }) => ({ tenant: of && { ...of, state: "archived" } })
const gateClosed: Change = ({ writeGate }) => ({ writeGate: writeGate && { ...writeGate, health: "failed" } })
const disconnected: Change = ({ connection }) => ({ connection: connection && { ...connection, connected: false } })

const ended = (run: Running, atMillis: number, counts: Record<string, number> = {}) => ({
  admission: run.admission,
  atMillis,
  counts
})

/** Every state, by name. */
const runsOf = Effect.fn("runsOf")(function* (nowMillis: number) {
  const at = (agoMillis: number) => nowMillis - agoMillis
  const soon = nowMillis + hours(1)
  const queued = (agoMillis: number, given?: Given) => enqueuedOne(dispatched(nowMillis, agoMillis, given))
  const running = (agoMillis: number, given?: Given, leaseUntilMillis = soon) =>
    Effect.flatMap(queued(agoMillis, given), (run) => started(run, at(agoMillis - 1_200), leaseUntilMillis))
  const done = Effect.fnUntraced(function* (agoMillis: number, given?: Given) {
    const run = yield* running(agoMillis, given)
    return yield* moved(
      stepOf(run, {
        _tag: "Succeed",
        ...ended(run, at(agoMillis - 95_000), { items: 420 }),
        result: { secret: "do-not-show" }
      })
    )
  })
  const blocked = Effect.fnUntraced(function* (agoMillis: number, given: Given, change: Change) {
    return yield* moved(admitted(yield* queued(agoMillis, given), at(agoMillis - minutes(3)), change))
  })

  for (const [index, ago] of [1, 2, 2.4, 3, 5, 6, 6.1, 6.2, 8, 9, 11, 12, 13, 15, 17, 18, 20, 21].entries()) {
    yield* done(hours(ago), {
      type: index % 2 === 0 ? "inventory_sync" : "directory_group_sync",
      by: index % 3 === 0 ? "ada" : "eve"
    })
    if (index % 4 === 1) yield* blocked(hours(ago) - minutes(8), { by: "ben" }, withoutPermission)
  }

  const partialRun = yield* running(minutes(50), { type: "policy.bulk_delete", by: "eve" })
  const failedRun = yield* running(minutes(44), { type: "directory_group_sync" })
  const revokedRun = yield* running(minutes(42), { type: "policy.bulk_delete", by: "finn" })
  const cancelledRun = yield* running(minutes(33))
  const retryingRun = yield* running(minutes(16))
  const hostileRun = yield* running(minutes(12), {
    type: "inventory_sync",
    by: "x".repeat(255),
    initiatorName: HOSTILE_NAME,
    tenant: tenant(`${HOSTILE_NAME}${"長".repeat(180)}`)
  })
  return {
    succeeded: yield* done(minutes(70)),
    partial: yield* moved(
      stepOf(partialRun, {
        _tag: "PartiallySucceed",
        ...ended(partialRun, at(minutes(48)), { deleted: 118, failed: 2 }),
        result: null,
        failures: [
          { code: "policy.locked", message: "Two policies are locked by another change." },
          { code: "policy.locked", message: "Policy “Baseline” could not be deleted." }
        ]
      })
    ),
    blocked: yield* blocked(minutes(46), { type: "restore.execute", by: "eve" }, gateClosed),
    blockedPermission: yield* blocked(minutes(45), { by: "ben" }, withoutPermission),
    blockedTenant: yield* blocked(
      minutes(45) - 1,
      { tenant: FABRIKAM, type: "directory_group_sync", by: "cleo" },
      archived
    ),
    failed: yield* moved(
      stepOf(failedRun, {
        _tag: "Fail",
        ...ended(failedRun, at(minutes(43))),
        failure: { code: "provider.timeout", message: "The provider did not answer within 30 seconds." }
      })
    ),
    revoked: yield* moved(
      Result.getOrThrow(
        recheckStep(
          revokedRun,
          snapshotOf(revokedRun, at(minutes(40)), () => ({ membership: null })),
          { deleted: 37, failed: 0 },
          circumstances(at(minutes(40)))
        )
      )
    ),
    reconciled: yield* moved(
      stepOf(yield* queued(minutes(39), { expiresAtMillis: at(minutes(20)) }), {
        _tag: "Expire",
        atMillis: at(minutes(20))
      })
    ),
    cancelled: yield* moved(
      stepOf(cancelledRun, { _tag: "Cancel", by: { kind: "human", id: "eve" }, atMillis: at(minutes(30)) })
    ),
    system: yield* blocked(minutes(28), { type: "backup_schedule_run", by: null, tenant: FABRIKAM }, archived),
    workspaceLevel: yield* blocked(minutes(26), { tenant: null, by: "eve" }, ({ initiator }) => ({
      initiator: initiator && { ...initiator, disabled: true }
    })),
    stale: yield* queued(minutes(24), { expiresAtMillis: nowMillis + minutes(5) }),
    orphaned: yield* running(minutes(22), { type: "directory_group_sync" }, at(minutes(10))),
    held: asQueued(
      yield* moved(
        admitted(
          yield* queued(minutes(18), { type: "provider.connection.check", by: "eve" }),
          at(minutes(17)),
          disconnected,
          {
            retryMillis: minutes(30),
            deadlineMillis: hours(8)
          }
        )
      )
    ),
    retrying: asQueued(
      yield* moved(
        stepOf(retryingRun, {
          _tag: "FailAttempt",
          ...ended(retryingRun, at(minutes(15))),
          failure: { code: "provider.busy", message: "The provider was busy." },
          retryAtMillis: nowMillis + minutes(4)
        })
      )
    ),
    hostile: yield* moved(
      stepOf(hostileRun, {
        _tag: "Fail",
        ...ended(hostileRun, at(minutes(11)), { "<script>": 1 }),
        failure: { code: "<code>", message: LONG_MESSAGE }
      })
    ),
    running: yield* running(minutes(4), { type: "policy.bulk_delete", by: "eve" }),
    waiting: yield* queued(minutes(2)),
    elsewhere: yield* queued(minutes(1), { workspace: OTHER_WORKSPACE, tenant: tenant("wingtip"), by: "zoe" })
  }
})

/** Who belongs where. */
const people = Effect.gen(function* () {
  const book = yield* MemoryAuthority
  for (const id of [WORKSPACE, OTHER_WORKSPACE]) {
    yield* book.setWorkspace({ id, open: true })
    for (const role of sampleRoles.roles) yield* book.setRole(id, role, [...sampleRoles.capabilitiesOf(role)])
  }
  const joins = (user: string, role: string, workspaceId: WorkspaceId) =>
    Effect.andThen(
      book.setUser({ id: UserId.make(user), name: user, disabled: false }),
      book.setMembership(workspaceId, UserId.make(user), Role.make(role))
    )
  yield* joins("eve", "manager", WORKSPACE)
  yield* joins("ada", "operator", WORKSPACE)
  yield* joins("cleo", "operator", WORKSPACE)
  yield* joins("zoe", "owner", OTHER_WORKSPACE)
  yield* joins("max", "owner", WORKSPACE)
  yield* joins("max", "owner", OTHER_WORKSPACE)
  const entitle = (user: string, ...tenants: ReadonlyArray<TenantId>) =>
    Effect.forEach(tenants, (id) => book.setEntitlement(UserId.make(user), id), { discard: true })
  const hostile = tenant(`${HOSTILE_NAME}${"長".repeat(180)}`)
  for (const id of [CONTOSO, FABRIKAM, hostile]) yield* book.setTenant({ id, workspaceId: WORKSPACE, state: "active" })
  yield* entitle("eve", CONTOSO, FABRIKAM, hostile)
  yield* entitle("ada", CONTOSO, FABRIKAM)
  yield* entitle("cleo", FABRIKAM)
})

const PORTS = layerMemory
type Ports = Layer.Success<typeof PORTS>
type Runs = Effect.Success<ReturnType<typeof runsOf>>

/** What a test acts on. */
export interface Stage {
  readonly url: string
  readonly runs: Runs
  readonly play: <A, E>(act: Effect.Effect<A, E, Ports>) => Promise<A>
  readonly pageOf: (run: Run | RunId) => string
  readonly close: () => Promise<void>
}

/** Opens it: everything in memory, the pages on a port of their own. */
export const openStage = async (livePollMillis = 100): Promise<Stage> => {
  const runtime = ManagedRuntime.make(PORTS)
  const scope = Scope.makeUnsafe()
  const runs = await runtime.runPromise(Effect.andThen(people, runsOf(Date.now())))
  const viewers = layerHeaderViewer({ header: VIEWER_HEADER, proxy: { addresses: ["127.0.0.1"] } })
  const url = await runtime.runPromise(
    serveMonitoring({ catalogue: sampleCatalogue, host: "127.0.0.1", port: 0, livePollMillis }).pipe(
      Effect.provide(viewers),
      Scope.provide(scope)
    )
  )
  return {
    url,
    runs,
    play: (act) => runtime.runPromise(act),
    pageOf: (run) => `${url}/${typeof run === "string" ? run : run.dispatch.id}`,
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await runtime.dispose()
    }
  }
}
