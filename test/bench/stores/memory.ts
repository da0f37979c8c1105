/** The memory adapter. Its world is a tenth of the others', so that filling it does not take longer than measuring it. */
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import {
  AuditLog,
  Capability,
  isCompleted,
  Notices,
  ProviderConnectionId,
  Role,
  RunStore,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Context, Effect, Layer } from "effect"
import { NotRight, type Ports, type Stage, type Store } from "./Store.ts"
import {
  entitledTo,
  firstStepOf,
  isArchived,
  names,
  operation,
  ROLES,
  TENANTS_PER_WORKSPACE,
  USERS_PER_WORKSPACE
} from "./world.ts"

const WORKSPACES = 20
const DISPATCHED_AT_MILLIS = Date.now() - 60 * 60 * 1000

const range = (count: number) => Array.from({ length: count }, (_, at) => at)

const settleFacts = Effect.gen(function* () {
  const book = yield* MemoryAuthority
  const workspaceId = (number: number) => WorkspaceId.make(names.workspace(number))
  for (const user of range(WORKSPACES * USERS_PER_WORKSPACE)) {
    yield* book.setUser({ id: UserId.make(names.user(user)), name: "Ada", disabled: false })
  }
  for (const workspace of range(WORKSPACES)) {
    const id = workspaceId(workspace)
    yield* book.setWorkspace({ id, open: true })
    for (const role of ROLES) yield* book.setRole(id, Role.make(role), [Capability.make(operation.type)])
    for (const at of range(USERS_PER_WORKSPACE)) {
      const user = workspace * USERS_PER_WORKSPACE + at
      yield* book.setMembership(id, UserId.make(names.user(user)), Role.make(ROLES[user % ROLES.length] ?? "owner"))
    }
  }
  for (const tenant of range(WORKSPACES * TENANTS_PER_WORKSPACE)) {
    const id = TenantId.make(names.tenant(tenant))
    const ofWorkspace = workspaceId(Math.floor(tenant / TENANTS_PER_WORKSPACE))
    yield* book.setTenant({ id, workspaceId: ofWorkspace, state: isArchived(tenant) ? "archived" : "active" })
    for (const user of entitledTo(tenant)) yield* book.setEntitlement(UserId.make(names.user(user)), id)
    const connection = ProviderConnectionId.make(names.connection(tenant))
    yield* book.setConnection({
      id: connection,
      workspaceId: ofWorkspace,
      tenantId: id,
      enabled: true,
      connected: true
    })
    yield* book.setWriteGate({ tenantId: id, health: "ok", checkedAtMillis: DISPATCHED_AT_MILLIS })
  }
})

const stepsUpTo = (count: number) => range(count).map((number) => firstStepOf(number, WORKSPACES, DISPATCHED_AT_MILLIS))

const wrongRun = (id: string, what: string) => new NotRight({ message: `run ${id} is not right: ${what}` })

/** Goes through the runs one by one; only for drains of everything that was queued. */
const check = Effect.fnUntraced(function* (stage: Stage, runs: number) {
  const store = yield* RunStore
  const audit = yield* AuditLog
  const { runs: found } = yield* store.list({ limit: Number.MAX_SAFE_INTEGER })
  if (found.length !== runs) return yield* new NotRight({ message: `there are ${found.length} runs, not ${runs}` })
  let completed = 0
  for (const run of found) {
    const { id, subject } = run.dispatch
    const archived = isArchived(Number(subject.scope.tenantId?.slice("tenant-".length)))
    const allowedState = stage === "admitted" ? "Running" : "Succeeded"
    const right = stage === "dispatched" ? "Queued" : archived ? "Blocked" : allowedState
    if (run._tag !== right) return yield* wrongRun(id, `${run._tag}, not ${right}`)
    const decisions = (yield* audit.decisionsOf(id)).length
    if (decisions !== (stage === "dispatched" ? 0 : 1)) return yield* wrongRun(id, `${decisions} decisions`)
    const records = (yield* audit.recordsOf(id)).length
    const recordsDue = run._tag === "Queued" ? 1 : run._tag === "Succeeded" ? 4 : 3
    if (records !== recordsDue) return yield* wrongRun(id, `${records} audit records`)
    if (isCompleted(run)) completed += 1
  }
  const notices = yield* Notices
  const pending = yield* notices.countPending
  if (pending > completed) return yield* new NotRight({ message: `${pending} notices of ${completed} completed runs` })
})

/** Everything in memory; each filling begins with an empty one. */
export const memoryStore: Store = {
  name: "memory",
  lanes: 1,
  workspaces: WORKSPACES,
  filled: ({ queued }) =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Layer.fresh(layerMemory))
      const ports: Context.Context<Ports> = context
      yield* Effect.provide(settleFacts, context)
      if (queued > 0) yield* Context.get(context, RunStore).dispatch(stepsUpTo(queued))
      return { ports, check: (stage: Stage, runs: number) => Effect.provide(check(stage, runs), ports) }
    })
}
