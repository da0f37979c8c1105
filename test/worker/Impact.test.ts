/** What is predicted of the queued runs is what then happens to them, over memory. */
import { layerMemory, MemoryAuthority, sha256Hex } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import {
  Catalogue,
  Facts,
  type FactsRequest,
  type Fate,
  Operation,
  ProviderConnectionId,
  Role,
  type Run,
  RunId,
  RunQueue,
  RunStore,
  RunUnreadable,
  StoreUnavailable,
  TenantId,
  UserId,
  WAITING_MAX,
  type WaitingRun,
  Withdrawal,
  WorkspaceId
} from "@countersign/domain"
import { admitThese, Countersign, dispatchDue, type ImpactReport, reportImpact } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { impactAsJson } from "../../packages/worker/src/cli/render/impactJson.ts"
import { impactPage } from "../../packages/worker/src/cli/render/impactPage.ts"
import { styleFor } from "../../packages/worker/src/cli/render/Style.ts"

const payload = Schema.Struct({ number: Schema.Int })
const through = { providerConnection: true, payload, result: Schema.Void }
const hold = { retryMillis: 100, deadlineMillis: 1_000 }

const patient = Operation.make({ type: "patient", capability: "sync", hold, ...through })
const strict = Operation.make({ type: "strict", capability: "write", writes: true, ...through })
const nightly = Operation.make({ type: "nightly", systemAuthority: true, hold, ...through })
const archival = Operation.make({ type: "archival", capability: "sync", tenantStates: ["archived"], ...through })
/** Only ever scheduled, and blocked at once. */
const vault = Operation.make({ type: "vault", systemAuthority: true, writes: true, ...through })
const catalogue = Catalogue.make([patient, strict, nightly, archival, vault])

const workspaceId = WorkspaceId.make("north")
const [ada, ben] = [UserId.make("ada"), UserId.make("ben")]
const tenants = [TenantId.make("contoso"), TenantId.make("fabrikam")] as const
const [contoso] = tenants
const connectionOf = (tenantId: TenantId) => ProviderConnectionId.make(`connection of ${tenantId}`)

const layerGate = Countersign.layer({ catalogue }).pipe(
  Layer.provideMerge(Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))),
  Layer.provideMerge(layerMemory),
  Layer.provideMerge(SecureRandom.layerWebCrypto)
)

const can = Role.make("can")
const cannot = Role.make("cannot")

const settle = Effect.gen(function* () {
  const book = yield* AuthorityBook
  yield* book.setWorkspace({ id: workspaceId, open: true })
  yield* book.setRole(workspaceId, can, [
    ...new Set([patient, strict].flatMap(({ requirements: { capability } }) => capability ?? []))
  ])
  for (const id of [ada, ben]) {
    yield* book.setUser({ id, name: id, disabled: false })
    yield* book.setMembership(workspaceId, id, can)
    for (const tenantId of tenants) yield* book.setEntitlement(id, tenantId)
  }
  for (const id of tenants) {
    yield* book.setTenant({ id, workspaceId, state: "active" })
    yield* book.setWriteGate({ tenantId: id, health: "ok", checkedAtMillis: yield* Clock.currentTimeMillis })
    yield* setConnection(id, true)
  }
})

const setConnection = (tenantId: TenantId, enabled: boolean) =>
  Effect.flatMap(AuthorityBook, (book) =>
    book.setConnection({ id: connectionOf(tenantId), workspaceId, tenantId, enabled, connected: true })
  )

let number = 0
const dispatch = (operation: Operation<{ readonly number: number }, void>, tenantId: TenantId, initiator: UserId) =>
  Effect.flatMap(Countersign, (gate) => {
    const target = { workspaceId, tenantId, providerConnectionId: connectionOf(tenantId), operation }
    number += 1
    return operation.requirements.systemAuthority
      ? gate.dispatch({ ...target, systemAuthority: true, payload: { number } })
      : gate.dispatch({ ...target, initiator, initiatorName: initiator, payload: { number } })
  }).pipe(Effect.map(({ run }) => run.dispatch.id))

/** One run of each operation for each tenant and person. */
const dispatchAll = Effect.forEach(
  [patient, strict, nightly, archival].flatMap((operation) =>
    tenants.flatMap((tenantId) => [ada, ben].map((initiator) => ({ operation, tenantId, initiator })))
  ),
  ({ operation, tenantId, initiator }) => dispatch(operation, tenantId, initiator)
)

/** A schedule of each operation that may be scheduled, for each tenant: made by Ada, answered for by Ben. */
const scheduleAll = Effect.gen(function* () {
  const gate = yield* Countersign
  for (const operation of [nightly, vault]) {
    for (const tenantId of tenants) {
      const { id } = yield* gate.addSchedule({
        id: `${operation.type} of ${tenantId}`,
        workspaceId,
        tenantId,
        providerConnectionId: connectionOf(tenantId),
        operation,
        payload: { number: 0 },
        cron: "* * * * *",
        zone: "UTC",
        by: { id: ada }
      })
      yield* gate.transferSchedule(id, { id: ben })
    }
  }
})

/** The runs of the next slots of all schedules, by the ids of those. */
const runsOfNextSlots = Effect.gen(function* () {
  const store = yield* RunStore
  yield* TestClock.adjust("1 minute")
  yield* dispatchDue({ catalogue, digest: sha256Hex })
  const { runs } = yield* store.list({ status: "queued", limit: 1_000 })
  return new Map(runs.flatMap(({ dispatch: { id, slot } }) => (slot === null ? [] : [[slot.scheduleId, id]])))
})

const admit = Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
  const nowMillis = yield* Clock.currentTimeMillis
  const lease = { holder: "tests", untilMillis: nowMillis + 60_000 }
  // Held runs are to wait; a prediction is about what would be decided of them now.
  yield* Effect.flatMap(RunQueue, (queue) => queue.postpone(ids, nowMillis))
  return yield* admitThese(ids, { catalogue, lease, nowMillis, retryFactsAtMillis: nowMillis })
})

/** Does in earnest what was asked about. */
const lose = (withdrawal: Withdrawal) =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    switch (withdrawal._tag) {
      case "Actor":
        yield* book.removeMembership(workspaceId, withdrawal.userId)
        for (const tenantId of tenants) yield* book.removeEntitlement(withdrawal.userId, tenantId)
        return
      case "Tenant":
        return yield* book.setTenant({ id: withdrawal.tenantId, workspaceId, state: "archived" })
      case "Connection":
        return yield* setConnection(contoso, false)
    }
  })

const withdrawals = {
  actor: Withdrawal.cases.Actor.make({ userId: ada }),
  tenant: Withdrawal.cases.Tenant.make({ tenantId: contoso }),
  connection: Withdrawal.cases.Connection.make({ connectionId: connectionOf(contoso) }),
  nobody: Withdrawal.cases.Actor.make({ userId: UserId.make("nobody") })
}

const fateOf = (run: Run): Fate => {
  if (run._tag === "Running") return "starts"
  if (run._tag === "Blocked") return "blocked"
  return run._tag === "Queued" && run.held !== null ? "held" : assert.fail(`the run is ${run._tag}`)
}

const Story = Schema.Struct({
  withdrawn: Schema.Literals(["actor", "tenant", "connection", "nobody"]),
  tenantState: Schema.Literals(["active", "active", "draft", "archived"]),
  gate: Schema.Literals(["ok", "failed"]),
  isConnected: Schema.Boolean,
  mayAda: Schema.Boolean,
  /** Whether runs were held before, and how long ago. */
  heldForMillis: Schema.Literals([0, 1, 999, 1_000])
})

describe("the impact of a withdrawal", { timeout: 120_000 }, () => {
  it.effect.prop(
    "impact_is_what_then_happens",
    [Story],
    ([story]) =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const store = yield* RunStore
        yield* settle
        const ids = yield* dispatchAll
        yield* scheduleAll
        if (story.heldForMillis > 0) {
          yield* setConnection(contoso, false)
          yield* admit(ids)
          yield* TestClock.adjust(story.heldForMillis)
        }
        const nowMillis = yield* Clock.currentTimeMillis
        yield* book.setTenant({ id: contoso, workspaceId, state: story.tenantState })
        yield* book.setWriteGate({ tenantId: contoso, health: story.gate, checkedAtMillis: nowMillis })
        yield* book.setMembership(workspaceId, ada, story.mayAda ? can : cannot)
        yield* setConnection(contoso, story.isConnected)

        const before = yield* store.list({ status: "queued", limit: 1_000 })
        const withdrawal = withdrawals[story.withdrawn]
        const report = yield* reportImpact(catalogue, withdrawal)
        assert.deepStrictEqual(yield* store.list({ status: "queued", limit: 1_000 }), before, "nothing is written")
        assert.strictEqual(report.queued, before.runs.length)
        const predicted = new Map(report.affected.map(({ about, after }) => [about.id, after]))

        yield* lose(withdrawal)
        yield* admit(before.runs.map((run) => run.dispatch.id))
        for (const {
          dispatch: { id }
        } of before.runs) {
          const run = yield* store.find(id)
          const outlook = predicted.get(id)
          assert.strictEqual(outlook?.fate ?? "starts", fateOf(run))
          const failure = run._tag === "Blocked" ? run.failure : run._tag === "Queued" ? run.held?.failure : undefined
          const { decision } = outlook ?? {}
          assert.deepStrictEqual(decision?._tag === "Denied" ? decision.failure : undefined, failure)
        }

        const { active, affected, ofThePerson } = report.schedules
        assert.strictEqual(active, 4)
        assert.strictEqual(ofThePerson.length, story.withdrawn === "actor" ? 4 : 0)
        const fates = new Map(affected.map(({ about, after }) => [about.id, after.fate]))
        const slots = yield* runsOfNextSlots
        assert.strictEqual(slots.size, 4)
        yield* admit([...slots.values()])
        for (const [scheduleId, id] of slots) {
          assert.strictEqual(fates.get(scheduleId) ?? "starts", fateOf(yield* store.find(id)))
        }
      }).pipe(Effect.provide(layerGate)),
    { arbitrary: { runs: 150 } }
  )

  it.effect("many runs are read page by page, and facts once for each question", () =>
    Effect.gen(function* () {
      yield* settle
      const store = yield* RunStore
      const [template] = (yield* store.list({ limit: 1 })).runs.concat(
        yield* Effect.flatMap(dispatch(patient, contoso, ada), store.find)
      )
      if (template?._tag !== "Queued") assert.fail()
      const people = [ada, ben]
      const { initiatorName, subject, expiresAtMillis } = template.dispatch
      const many = Array.from({ length: 2 * WAITING_MAX + 500 }, (_, index): WaitingRun => {
        const authority = { _tag: "ActorBound" as const, initiator: people[index % 2] ?? ada }
        const of = { ...subject, authority }
        return { id: idOf(index), subject: of, initiatorName, expiresAtMillis, heldSinceMillis: null }
      })
      const asked: Array<ReadonlyArray<FactsRequest>> = []
      const ages: Array<RunId | null> = []
      const report = yield* reportImpact(catalogue, withdrawals.actor).pipe(
        Effect.provideService(RunStore, {
          ...store,
          listWaiting: (before, limit) =>
            Effect.sync(() => {
              ages.push(before)
              const older = many.filter(({ id }) => before === null || id < before)
              return { runs: older.toReversed().slice(0, limit), unreadable: [] }
            })
        }),
        Effect.provideServiceEffect(
          Facts,
          Effect.map(Facts, ({ read }) => ({
            read: (requests: ReadonlyArray<FactsRequest>) => {
              asked.push(requests)
              return read(requests)
            }
          }))
        )
      )
      assert.deepInclude(report.counts, { would_be_blocked: WAITING_MAX + 250, unaffected: WAITING_MAX + 250 })
      assert.strictEqual(report.queued, many.length)
      assert.strictEqual(new Set(report.affected.map(({ about }) => about.id)).size, WAITING_MAX + 250)
      assert.deepStrictEqual(ages, [null, idOf(WAITING_MAX + 500), idOf(500)])
      assert.deepStrictEqual(
        asked.map(({ length }) => length),
        [2],
        "two people, two questions, asked once"
      )
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("what makes no sense is told and stops nothing, not even at the end of a page", () =>
    Effect.gen(function* () {
      yield* settle
      const store = yield* RunStore
      yield* dispatch(patient, contoso, ada)
      const { runs } = yield* store.listWaiting(null, 1)
      const broken = Array.from(
        { length: WAITING_MAX + 500 },
        (_, index) => new RunUnreadable({ runId: idOf(index), problem: "edited" })
      )
      const report = yield* reportImpact(catalogue, withdrawals.actor).pipe(
        Effect.provideService(RunStore, {
          ...store,
          listWaiting: (before, limit) =>
            Effect.sync(() => {
              const older = broken.filter(({ runId }) => before === null || runId < before).toReversed()
              const unreadable = older.slice(0, limit)
              return { runs: unreadable.length < limit ? runs : [], unreadable }
            })
        })
      )
      assert.strictEqual(report.unreadable.length, broken.length)
      assert.deepInclude(report, { queued: broken.length + 1, expired: 0, undeclared: 0 })
      assert.strictEqual(report.counts.would_be_blocked, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("runs whose time is up and operations nobody declared are told apart", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchAll
      const some = Catalogue.make([patient, strict])
      const young = yield* reportImpact(some, null)
      assert.deepInclude(young, { queued: 16, undeclared: 8, expired: 0 })
      assert.strictEqual(young.counts.unaffected, 8)
      yield* TestClock.adjust(patient.queuedLimitMillis)
      assert.deepInclude(yield* reportImpact(some, null), { queued: 16, undeclared: 8, expired: 8, affected: [] })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("facts or a store that are away give no prediction", () =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatch(patient, contoso, ada)
      const broken = Effect.die(new Error("bug of the host's"))
      const noFacts = yield* Effect.flip(
        Effect.provideService(reportImpact(catalogue, null), Facts, { read: () => broken })
      )
      assert.strictEqual(noFacts._tag, "FactsUnavailable")
      const store = yield* RunStore
      const away = new StoreUnavailable({ trouble: "unreachable", operation: "list runs", advice: "wait", cause: null })
      const listWaiting = () => Effect.fail(away)
      const noStore = yield* Effect.flip(
        Effect.provideService(reportImpact(catalogue, null), RunStore, { ...store, listWaiting })
      )
      assert.strictEqual(noStore, away)
    }).pipe(Effect.provide(layerGate))
  )
})

const idOf = (index: number) => RunId.make(`0190163d-8694-739b-aea5-${index.toString(16).padStart(12, "0")}`)

describe("an impact told", () => {
  const plain = styleFor({ isTerminal: false, env: {} })
  const told = (use: (report: ImpactReport) => void, withdrawal: Withdrawal | null) =>
    Effect.gen(function* () {
      yield* settle
      yield* dispatchAll
      use(yield* reportImpact(catalogue, withdrawal))
    }).pipe(Effect.provide(layerGate))

  it.effect("to people: how many, why, and the newest", () =>
    told((report) => {
      const page = impactPage(report, 3, plain)
      const text = page.join("\n")
      assert.strictEqual(page[0], "If the tenant “contoso” were archived")
      assert.include(text, "Of 16 runs queued:")
      assert.match(text, /^ +2 {2}would be blocked by it$/m)
      assert.match(text, /^ +4 {2}would be held by it$/m)
      assert.match(text, /^ +4 {2}would be blocked as things are$/m)
      assert.match(text, /^ +6 {2}would start$/m)
      assert.match(text, /^ +2 {2}strict: the tenant is archived$/m)
      assert.match(text, /^ +4 {2}archival: the tenant is active$/m)
      assert.include(text, "and 7 more: add --json for all of them")
      assert.notInclude(text, "tenant_not_operable")
      assert.notInclude(text, "schedule")
    }, withdrawals.tenant)
  )

  it.effect("of schedules: which would not start, and that a person's own go on", () =>
    Effect.gen(function* () {
      yield* settle
      yield* scheduleAll
      const archived = impactPage(yield* reportImpact(catalogue, withdrawals.tenant), 3, plain).join("\n")
      assert.include(archived, "Of 4 active schedules, by the next run:")
      assert.match(archived, /^vault of contoso +vault +contoso +would be blocked by it: the tenant is archived$/m)
      const left = yield* reportImpact(catalogue, withdrawals.actor)
      const page = impactPage(left, 3, plain).join("\n")
      assert.include(
        page,
        "going on without them:\n  nightly of contoso\n  nightly of fabrikam\n  vault of contoso\n  and 1 more"
      )
      const json: unknown = JSON.parse(JSON.stringify(impactAsJson(left)))
      assert.deepNestedInclude(json, { "schedules.affected": [], "schedules.active": 4 })
      assert.deepNestedInclude(json, {
        "schedules.of_the_person[0]": { id: "nightly of contoso", owner: "ben", created_by: "ada" }
      })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("to people: nothing queued, nothing lost", () =>
    Effect.gen(function* () {
      const page = impactPage(yield* reportImpact(catalogue, null), 3, plain)
      assert.deepStrictEqual(page.slice(0, 3), ["As things are", "Nothing is queued.", ""])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("to machines: one object with every run that is affected", () =>
    told((report) => {
      const json: unknown = JSON.parse(JSON.stringify(impactAsJson(report)))
      const Told = Schema.Struct({
        withdrawal: Schema.Struct({ actor: Schema.Literal("ada") }),
        queued: Schema.Literal(16),
        would_be_blocked: Schema.Literal(4),
        blocked_now: Schema.Literal(4),
        unaffected: Schema.Literal(8),
        unreadable: Schema.Array(Schema.String),
        runs: Schema.Array(Schema.Struct({ id: RunId, impact: Schema.String, after: Schema.Json }))
      })
      const { runs } = Schema.decodeUnknownSync(Told)(json)
      assert.strictEqual(runs.length, 8)
      const blocked = runs.filter(({ impact }) => impact === "would_be_blocked")
      assert.deepStrictEqual(blocked[0]?.after, {
        fate: "blocked",
        reason_code: "initiator_not_entitled",
        detail_code: "not_a_member"
      })
    }, withdrawals.actor)
  )
})
