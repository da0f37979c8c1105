/** Schedules through a real store: contract section 8, the same for every adapter. Time is whatever a test says it is. */

import { sha256Hex } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import {
  AuditLog,
  Catalogue,
  isActive,
  MissedSlots,
  Notices,
  Operation,
  type RunId,
  RunStore,
  type Schedule,
  ScheduleId,
  Schedules,
  UnitOfWork,
  UserId
} from "@countersign/domain"
import {
  type AddFailure,
  admitThese,
  backupScheduleRun,
  type ChangeFailure,
  Countersign,
  type DispatchTerms,
  dispatchDue,
  inventorySync,
  sampleCatalogue,
  type UntypedScheduleRequest
} from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Store } from "./support/gate.ts"
import { silent } from "./support/silent.ts"
import { ada, connectionId, readonly, settle, tenantId, workspaceId } from "./support/world.ts"

const MINUTE_MILLIS = 60_000
/** A whole hour, and a Tuesday. */
const START_MILLIS = Date.UTC(2030, 0, 1, 12)

/** Only for the system, yet its people need a permission; its payload has a shape that may change. */
const declaration = { type: "report.write", capability: "inventory.sync", systemAuthority: true, result: Schema.Void }
const report = Operation.make({ ...declaration, payload: Schema.Struct({ pages: Schema.Int }) })
const reportOfOld = Operation.make({ ...declaration, payload: Schema.Struct({ title: Schema.String }) })
const personalReport = Operation.make({
  ...declaration,
  systemAuthority: false,
  payload: Schema.Struct({ pages: Schema.Int })
})

const catalogue = Catalogue.make([...sampleCatalogue.operations.values(), report])
const termsWith = (operation: Operation<{ readonly title: string }, void> | typeof report): DispatchTerms => ({
  catalogue: Catalogue.make([...sampleCatalogue.operations.values(), operation]),
  digest: sha256Hex
})
const terms: DispatchTerms = { catalogue, digest: sha256Hex }
const others: DispatchTerms = { catalogue: Catalogue.make([inventorySync]), digest: sha256Hex }

/** Does it at that instant: the clock stands still there. */
const at =
  (atMillis: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.Clock, (real) =>
      Effect.provideService(effect, Clock.Clock, {
        currentTimeMillisUnsafe: () => atMillis,
        currentTimeMillis: Effect.succeed(atMillis),
        currentTimeNanosUnsafe: () => BigInt(atMillis) * 1_000_000n,
        currentTimeNanos: Effect.succeed(BigInt(atMillis) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: real.monotonicTimeNanos,
        sleep: (duration) => real.sleep(duration)
      })
    )

const minute = (count: number): number => START_MILLIS + count * MINUTE_MILLIS

let serial = 0
const nextId = (): ScheduleId => {
  serial += 1
  return ScheduleId.make(`schedule-${serial}`)
}

const request = (given: Partial<UntypedScheduleRequest> = {}): UntypedScheduleRequest => ({
  id: nextId(),
  operationType: backupScheduleRun.type,
  workspaceId,
  tenantId,
  providerConnectionId: connectionId,
  payload: {},
  cron: "* * * * *",
  zone: "Europe/Berlin",
  by: { id: ada, name: "Ada" },
  ...given
})

/** A schedule that is gone with the test, so that no other test meets it. */
const added = (given: Partial<UntypedScheduleRequest> = {}, atMillis = START_MILLIS) =>
  Effect.acquireRelease(
    Effect.flatMap(Countersign, (gate) => gate.addScheduleUntyped(request(given))).pipe(at(atMillis)),
    ({ id }) => Effect.ignore(Effect.flatMap(Schedules, (schedules) => schedules.remove(id)))
  )

/** One look of one worker at that instant. */
const look = (atMillis: number, by: DispatchTerms = terms) => silent(dispatchDue(by).pipe(at(atMillis)))

/** Several workers look at once. */
const lookTogether = (atMillis: number) =>
  Effect.all(
    Array.from({ length: 4 }, () => look(atMillis)),
    { concurrency: "unbounded" }
  )

const runsOf = (id: ScheduleId) =>
  Effect.gen(function* () {
    const store = yield* RunStore
    const { runs } = yield* store.list({ workspaceId, limit: 1000 })
    return runs.filter(({ dispatch }) => dispatch.slot?.scheduleId === id).reverse()
  })

/** The slots that were run, in minutes after the start; each run once, or the test fails. */
const slotsRun = (id: ScheduleId) =>
  Effect.map(runsOf(id), (runs) => {
    const slots = runs.map(({ dispatch }) => ((dispatch.slot?.slotMillis ?? 0) - START_MILLIS) / MINUTE_MILLIS)
    assert.strictEqual(new Set(slots).size, slots.length, "a slot was run twice")
    return slots
  })

const stored = (id: ScheduleId): Effect.Effect<Schedule, unknown, Schedules> =>
  Effect.flatMap(Schedules, (schedules) => schedules.find(id))

const nextOf = (schedule: Schedule) =>
  isActive(schedule) ? (schedule.state.nextSlotMillis - START_MILLIS) / MINUTE_MILLIS : null

const admit = (ids: ReadonlyArray<RunId>, nowMillis: number) =>
  admitThese(ids, {
    catalogue,
    lease: { holder: "tests", untilMillis: nowMillis + MINUTE_MILLIS },
    nowMillis,
    retryFactsAtMillis: nowMillis
  }).pipe(at(nowMillis))

/** Every law below holds for this store. */
export const scheduleLaws = <E>(name: string, store: Layer.Layer<Store, E>) =>
  layer(Layer.mergeAll(Countersign.layer({ catalogue }), SecureRandom.layerWebCrypto).pipe(Layer.provideMerge(store)), {
    excludeTestServices: true,
    timeout: "60 seconds"
  })(`schedules on ${name}`, (it) => {
    it.effect("one_run_per_slot, however many workers look and however often", () =>
      Effect.gen(function* () {
        yield* settle
        const { id } = yield* added()
        yield* lookTogether(minute(1) - 1)
        assert.deepStrictEqual(yield* slotsRun(id), [])
        for (const count of [1, 2, 3]) {
          yield* lookTogether(minute(count))
          yield* lookTogether(minute(count) + 20_000)
        }
        // The runs of earlier slots still wait: they are other runs, not the same one.
        assert.deepStrictEqual(yield* slotsRun(id), [1, 2, 3])
        const [first] = yield* runsOf(id)
        assert.isDefined(first)
        const { dispatch } = first
        assert.strictEqual(dispatch.actorKind, "scheduled")
        assert.strictEqual(dispatch.subject.authority._tag, "SystemAuthority")
        assert.strictEqual(Number.parseInt(dispatch.id.replace("-", "").slice(0, 12), 16), minute(1))
        const [record] = yield* (yield* AuditLog).recordsOf(dispatch.id)
        assert.deepStrictEqual(
          [record?.action, record?.actorKind, record?.actorId],
          ["run.dispatched", "scheduled", null]
        )
        // Called off, its record names who did it, and not the schedule.
        yield* (yield* Countersign).cancel(dispatch.id, { kind: "human", id: ada })
        const last = (yield* (yield* AuditLog).recordsOf(dispatch.id)).at(-1)
        assert.deepStrictEqual([last?.action, last?.actorKind, last?.actorId], ["run.cancelled", "human", ada])
        const schedule = yield* stored(id)
        assert.deepStrictEqual([schedule.lastSlotMillis, nextOf(schedule), schedule.problem], [minute(3), 4, null])
      })
    )

    it.effect(
      "a worker that dies in between leaves the slot to the next one; one that had committed leaves nothing to do",
      () =>
        Effect.gen(function* () {
          yield* settle
          const { transact } = yield* UnitOfWork
          const { id } = yield* added()
          yield* Effect.exit(transact(Effect.andThen(look(minute(1)), Effect.die("killed"))))
          assert.deepStrictEqual(yield* slotsRun(id), [])
          yield* look(minute(1))
          const [run] = yield* runsOf(id)
          // As if its row had been brought back from a copy: the slot comes again, and is answered with the run there is.
          const schedules = yield* Schedules
          const after = yield* stored(id)
          assert(isActive(after))
          const before = {
            ...after,
            state: { ...after.state, nextSlotMillis: minute(1) },
            revision: after.revision + 1
          }
          assert.isTrue(yield* schedules.replace(after, before))
          yield* lookTogether(minute(1) + 5)
          assert.deepStrictEqual(yield* runsOf(id), run === undefined ? [] : [run])
        })
    )

    it.effect("missed_slots_follow_their_policy", () =>
      Effect.gen(function* () {
        yield* settle
        const skipping = yield* added({ missed: MissedSlots.cases.Skip.make({}) })
        const once = yield* added()
        const two = yield* added({ missed: MissedSlots.cases.All.make({ limit: 2 }) })
        const all = yield* added({ missed: MissedSlots.cases.All.make({ limit: 100 }) })
        yield* look(minute(10) + 30_000)
        assert.deepStrictEqual(yield* slotsRun(skipping.id), [10])
        assert.deepStrictEqual(yield* slotsRun(once.id), [10])
        assert.deepStrictEqual(yield* slotsRun(two.id), [9, 10])
        assert.deepStrictEqual(yield* slotsRun(all.id), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        const hourly = yield* added({ cron: "0 * * * *", missed: MissedSlots.cases.Skip.make({}) })
        yield* look(minute(60) + 5 * MINUTE_MILLIS)
        assert.deepStrictEqual(yield* slotsRun(hourly.id), [])
        assert.strictEqual(nextOf(yield* stored(hourly.id)), 120)
        yield* look(minute(120))
        assert.deepStrictEqual(yield* slotsRun(hourly.id), [120])
      })
    )

    it.effect("slots of a pause are not run, nor afterwards", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { id } = yield* added({ missed: MissedSlots.cases.All.make({ limit: 100 }) })
        yield* look(minute(1))
        const resting = yield* gate.pauseSchedule(id).pipe(at(minute(1) + 1))
        assert.deepStrictEqual(yield* gate.pauseSchedule(id).pipe(at(minute(2))), resting)
        yield* look(minute(5))
        const going = yield* gate.resumeSchedule(id).pipe(at(minute(5) + 1))
        assert.deepStrictEqual(yield* gate.resumeSchedule(id).pipe(at(minute(5) + 2)), going)
        yield* look(minute(6))
        assert.deepStrictEqual(yield* slotsRun(id), [1, 6])
      })
    )

    it.effect("a clock that is set back runs no slot again; one that was ahead is mended by pausing and resuming", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { id } = yield* added()
        yield* look(minute(3))
        yield* look(minute(1))
        yield* look(minute(3))
        assert.deepStrictEqual(yield* slotsRun(id), [3])
        yield* look(minute(1_000_000))
        assert.deepStrictEqual(yield* slotsRun(id), [3, 1_000_000])
        yield* look(minute(4))
        assert.deepStrictEqual(yield* slotsRun(id), [3, 1_000_000])
        yield* gate.pauseSchedule(id).pipe(at(minute(4)))
        yield* gate.resumeSchedule(id).pipe(at(minute(4)))
        yield* look(minute(5))
        yield* look(minute(1_000_000))
        assert.deepStrictEqual(yield* slotsRun(id), [3, 5, 1_000_000])
      })
    )

    it.effect("what cannot be dispatched says so, and goes on with the next slot", () =>
      Effect.gen(function* () {
        yield* settle
        const { id } = yield* added({ operationType: report.type, payload: { pages: 3 } })
        const problemAfter = (atMillis: number, by: DispatchTerms) =>
          Effect.andThen(
            look(atMillis, by),
            Effect.map(stored(id), ({ problem }) => problem?.message ?? null)
          )
        // Left to workers that know the operation, until nobody has come for long.
        assert.isNull(yield* problemAfter(minute(1), others))
        assert.strictEqual(nextOf(yield* stored(id)), 1)
        assert.include(
          (yield* problemAfter(minute(6), others)) ?? "",
          "no worker declares the operation “report.write”"
        )
        assert.strictEqual(nextOf(yield* stored(id)), 7)
        assert.include((yield* problemAfter(minute(7), termsWith(reportOfOld))) ?? "", "does not fit report.write")
        assert.strictEqual(nextOf(yield* stored(id)), 8)
        assert.include((yield* problemAfter(minute(8), termsWith(personalReport))) ?? "", "without a person")
        // A worker with a smaller limit than who added it.
        const narrow = { ...terms, payloadMaxBytes: 4 }
        assert.include((yield* problemAfter(minute(9), narrow)) ?? "", "bytes of JSON")
        assert.strictEqual(nextOf(yield* stored(id)), 10)
        assert.deepStrictEqual(yield* slotsRun(id), [])
        assert.isNull((yield* stored(id)).lastSlotMillis)
        assert.isNull(yield* problemAfter(minute(10), terms))
        assert.deepStrictEqual(yield* slotsRun(id), [10])
      })
    )

    it.effect("its runs are the system's: they go on without who made it, and are blocked like any other", () =>
      Effect.gen(function* () {
        yield* settle
        const book = yield* AuthorityBook
        const { id } = yield* added()
        yield* book.removeMembership(workspaceId, ada)
        yield* look(minute(1))
        const [run] = yield* runsOf(id)
        assert.isDefined(run)
        assert.strictEqual((yield* admit([run.dispatch.id], minute(1))).started.length, 1)
        yield* book.setTenant({ id: tenantId, workspaceId, state: "archived" })
        yield* look(minute(2))
        const [, second] = yield* runsOf(id)
        assert.isDefined(second)
        const { blocked } = yield* admit([second.dispatch.id], minute(2))
        assert.deepStrictEqual(
          blocked.map(({ failure }) => failure.code),
          ["tenant_not_operable"]
        )
        assert.strictEqual(yield* (yield* Notices).countPending, 0)
      })
    )

    it.effect("doing a scheduled run again is no run of its slot", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { id } = yield* added()
        yield* look(minute(1))
        const [run] = yield* runsOf(id)
        assert.isDefined(run)
        yield* gate.cancel(run.dispatch.id, { kind: "human", id: ada })
        const { run: again, deduped } = yield* gate.retry(run.dispatch.id, null)
        assert.isFalse(deduped)
        assert.deepStrictEqual(
          [again.dispatch.slot, again.dispatch.retryOf, again.dispatch.subject.authority._tag],
          [null, run.dispatch.id, "SystemAuthority"]
        )
        yield* gate.cancel(again.dispatch.id, { kind: "human", id: ada })
      })
    )

    it.effect("a removed schedule leaves its runs, and what is not there is told", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { id } = yield* added()
        yield* look(minute(1))
        yield* gate.removeSchedule(id)
        yield* look(minute(2))
        assert.deepStrictEqual(yield* slotsRun(id), [1])
        for (const attempt of [
          gate.removeSchedule(id),
          gate.pauseSchedule(id),
          gate.resumeSchedule(id),
          gate.findSchedule(id)
        ]) {
          assert.strictEqual((yield* Effect.flip(attempt))._tag, "ScheduleNotFound")
        }
      })
    )

    it.effect("what makes no sense is refused with advice, and nothing is stored", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const refusals: ReadonlyArray<readonly [reason: string, given: Partial<UntypedScheduleRequest>]> = [
          ["cron_invalid", { cron: "every day" }],
          ["cron_invalid", { cron: "" }],
          ["never_fires", { cron: "0 0 30 2 *" }],
          ["zone_unknown", { zone: "Mars/Olympus" }],
          ["zone_unknown", { zone: "" }],
          ["missed_invalid", { missed: { _tag: "All", limit: 0 } }],
          ["missed_invalid", { missed: { _tag: "All", limit: 101 } }],
          ["id_invalid", { id: "" }],
          ["id_invalid", { workspaceId: "" }],
          ["id_invalid", { by: { id: "" } }],
          ["unknown_operation", { operationType: "nobody's" }],
          ["payload_invalid", { operationType: report.type, payload: { pages: "three" } }],
          ["system_authority_not_declared", { operationType: inventorySync.type, payload: { scope: "all" } }]
        ]
        for (const [reason, given] of refusals) {
          const asked = request(given)
          const failure = yield* Effect.flip(gate.addScheduleUntyped(asked).pipe(at(START_MILLIS)))
          assert(failure._tag === "ScheduleRefused", `${JSON.stringify(given)}: ${failure._tag}`)
          assert.strictEqual(failure.reason, reason, failure.advice)
          assert.isAbove(failure.advice.length, 10)
        }
        const { schedules } = yield* gate.listSchedules({ limit: 1000 })
        assert.deepStrictEqual(schedules, [])
        const { id } = yield* added()
        const twice = yield* Effect.flip(gate.addScheduleUntyped(request({ id, cron: "@daily" })))
        assert.strictEqual(twice._tag, "ScheduleExists")
        assert.strictEqual((yield* stored(id)).cron, "* * * * *")
      })
    )

    it.effect("who makes or receives a schedule must have access now; who has it already keeps it going", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const ben = UserId.make("ben")
        const by = { id: ben, name: "Ben" }
        const given = { operationType: report.type, payload: { pages: 3 }, by }
        const named = yield* added({ ...given, by: { id: ada, name: "Ada" } })
        const adaByName = { id: ada, name: "Ada" }
        assert.deepStrictEqual([named.owner, named.createdBy], [adaByName, adaByName])
        assert.deepStrictEqual(yield* stored(named.id), named)
        const schedule = yield* added({ ...given, by: { id: ada } })
        const refused = (why: string) =>
          Effect.gen(function* () {
            const attempts: ReadonlyArray<Effect.Effect<Schedule, AddFailure | ChangeFailure>> = [
              gate.addScheduleUntyped(request(given)),
              gate.transferSchedule(schedule.id, by)
            ]
            for (const attempt of attempts) {
              const failure = yield* Effect.flip(attempt)
              assert(failure._tag === "ScheduleRefused" && failure.reason === "no_access", failure._tag)
              assert.include(failure.advice, why)
            }
            assert.deepStrictEqual(yield* stored(schedule.id), schedule)
          })
        yield* refused("nobody of this id is known")
        yield* book.setUser({ id: ben, name: "Ben", disabled: true })
        yield* refused("the account is disabled")
        yield* book.setUser({ id: ben, name: "Ben", disabled: false })
        yield* refused("no member of the workspace")
        yield* book.setMembership(workspaceId, ben, readonly)
        yield* refused("no access to the tenant")
        yield* book.setEntitlement(ben, tenantId)
        yield* refused("does not have the permission")
        yield* book.setRole(
          workspaceId,
          readonly,
          ["inventory.sync"].flatMap(() => report.requirements.capability ?? [])
        )
        // Whether it could run at this moment is asked when it is to run.
        yield* book.setTenant({ id: tenantId, workspaceId, state: "archived" })
        const owned = yield* gate.transferSchedule(schedule.id, by)
        assert.deepStrictEqual([owned.owner, owned.createdBy.id, owned.createdAtMillis], [by, ada, START_MILLIS])
        assert.deepStrictEqual(yield* stored(schedule.id), owned)
      })
    )
  })
