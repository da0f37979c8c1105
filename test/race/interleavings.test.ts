/**
 * Interleavings on memory, chosen by fast-check: every call of a port is a point where another actor may go first. Found
 * counterexamples shrink, and replay exactly.
 */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, isCompleted, Notices, type Run, type Running, RunStore, step, UnitOfWork } from "@countersign/domain"
import { admitNext, Countersign, cancelRun, inventorySync, reconcile, sampleCatalogue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, ManagedRuntime } from "effect"
import { SecureRandom } from "effect/crypto"
import fc from "fast-check"
import { flawOf } from "../worker/support/story.ts"
import { layerUnruly, Trouble } from "../worker/support/unruly.ts"
import { ada, byAda, readonly, settle, workspaceId } from "../worker/support/world.ts"
import { layerSilence } from "./support/silence.ts"

const layerGate = Layer.mergeAll(Countersign.layer({ catalogue: sampleCatalogue }), SecureRandom.layerWebCrypto).pipe(
  Layer.provideMerge(layerUnruly),
  Layer.provideMerge(layerSilence)
)
type Services = Layer.Success<typeof layerGate>
type Actor = Effect.Effect<unknown, unknown, Services>

/** What the actors saw. */
interface Seen {
  /** Runs whose handler would be called, and whether the authority had been revoked, for certain, before their admission began. */
  readonly starts: Array<{ readonly run: Running; readonly revokedBefore: boolean }>
  revoked: boolean
  /** How often a step of each run's was accepted that ends it. */
  readonly ends: Array<string>
}

const LEASE_MILLIS = 10

const terms = (nowMillis: number, holder: string) => ({
  catalogue: sampleCatalogue,
  lease: { holder, untilMillis: nowMillis + LEASE_MILLIS },
  nowMillis,
  retryFactsAtMillis: nowMillis
})

/** Admits what there is and reports success, as two workers might that hear of the same wake-up. */
const working = (seen: Seen, holder: string, atMillis: number): Actor =>
  Effect.gen(function* () {
    const revokedBefore = seen.revoked
    const { started } = yield* admitNext(
      {
        limit: 10,
        operationTypes: [inventorySync.type],
        nowMillis: atMillis,
        order: "oldest",
        passOver: [],
        fullLanes: []
      },
      terms(atMillis, holder)
    )
    const store = yield* RunStore
    for (const run of started) {
      seen.starts.push({ run, revokedBefore })
      const next = yield* Effect.fromResult(
        step(run, { _tag: "Succeed", admission: run.admission, atMillis: atMillis + 1, counts: {}, result: null })
      )
      const refused = yield* store.write([next], null)
      if (refused.length === 0) seen.ends.push(run.dispatch.id)
    }
  })

const revoking = (seen: Seen): Actor =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    yield* book.setMembership(workspaceId, ada, readonly)
    seen.revoked = true
  })

const cancelling = (seen: Seen): Actor =>
  Effect.gen(function* () {
    const { runs } = yield* (yield* RunStore).list({ limit: 10 })
    for (const { dispatch } of runs) {
      yield* Effect.matchEffect(cancelRun(dispatch.id, { kind: "human", id: ada }), {
        onSuccess: () => Effect.sync(() => seen.ends.push(dispatch.id)),
        onFailure: (error) => Effect.sync(() => assert.strictEqual(error._tag, "IllegalTransition"))
      })
    }
  })

/** A reconciler whose clock runs ahead: every lease is over. */
const reconciling: Actor = Effect.gen(function* () {
  const unit = yield* UnitOfWork
  const store = yield* RunStore
  yield* reconcile(sampleCatalogue)
  yield* unit.transact(
    Effect.gen(function* () {
      const { runs } = yield* store.holdOrphans(1_000_000_000_000_000, 10)
      for (const run of runs) {
        const next = yield* Effect.fromResult(
          step(run, { _tag: "LoseLease", admission: run.admission, atMillis: 5, retryAtMillis: 5 })
        )
        yield* store.write([next], null)
      }
    })
  )
})

const dispatching = (scope: string): Actor =>
  Effect.flatMap(Countersign, (gate) => gate.dispatch({ ...byAda, operation: inventorySync, payload: { scope } }))

/** Runs the actors side by side, the scheduler choosing who goes on at each call of a port. */
const raced = async (scheduler: fc.Scheduler, actors: (seen: Seen) => ReadonlyArray<Actor>) => {
  const runtime = ManagedRuntime.make(layerGate)
  const seen: Seen = { starts: [], revoked: false, ends: [] }
  try {
    await runtime.runPromise(Effect.andThen(settle, Effect.andThen(dispatching("first"), dispatching("second"))))
    await runtime.runPromise(
      Effect.map(Trouble, (trouble) => {
        const turn = (name: string) => Effect.promise(() => scheduler.schedule(Promise.resolve(), name))
        trouble.beforeStore = ({ operation }) => turn(`before ${operation}`)
        trouble.afterStore = ({ operation }) => turn(`after ${operation}`)
        trouble.beforeFacts = () => turn("before facts")
      })
    )
    const all = Promise.all(actors(seen).map((actor) => runtime.runPromise(actor)))
    await scheduler.waitFor(all)
    return await runtime.runPromise(
      Effect.gen(function* () {
        const trouble = yield* Trouble
        trouble.beforeStore = () => Effect.void
        trouble.afterStore = () => Effect.void
        const log = yield* AuditLog
        const { runs } = yield* (yield* RunStore).list({ limit: 100 })
        const told = yield* Effect.forEach(runs, (run) =>
          Effect.map(log.recordsOf(run.dispatch.id), (records) => ({ run, flaw: flawOf(run, records) }))
        )
        return { seen, told, pending: yield* (yield* Notices).countPending }
      })
    )
  } finally {
    await runtime.dispose()
  }
}

const startsOf = (run: Run, { starts }: Seen) => starts.filter((one) => one.run.dispatch.id === run.dispatch.id)

describe("whoever goes first", () => {
  it("two_workers_one_start, revoked_after_dispatch_never_acts, terminal_states_absorb", { timeout: 120_000 }, () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { seen, told, pending } = await raced(scheduler, (seen) => [
          working(seen, "one", 10),
          working(seen, "two", 10),
          revoking(seen),
          cancelling(seen),
          dispatching("third"),
          dispatching("third")
        ])
        assert.strictEqual(told.length, 3, "one run for one identity")
        for (const { run, flaw } of told) {
          assert.isNull(flaw)
          const starts = startsOf(run, seen)
          assert.isAtMost(starts.length, 1, "two workers, one start")
          for (const { revokedBefore } of starts) assert.isFalse(revokedBefore, "admitted after the revocation")
          const ends = seen.ends.filter((id) => id === run.dispatch.id).length
          assert.strictEqual(ends, run._tag === "Succeeded" || run._tag === "Cancelled" ? 1 : 0)
        }
        assert.strictEqual(pending, told.filter(({ run }) => isCompleted(run)).length, "one notice for each end")
      }),
      { numRuns: 400 }
    )
  )

  it(
    "redelivery_changes_nothing: late reports, lost leases and new admissions of the same runs",
    { timeout: 120_000 },
    () =>
      fc.assert(
        fc.asyncProperty(fc.scheduler(), async (scheduler) => {
          const { seen, told } = await raced(scheduler, (seen) => [
            working(seen, "one", 10),
            reconciling,
            working(seen, "two", 20),
            reconciling,
            cancelling(seen)
          ])
          for (const { run, flaw } of told) {
            assert.isNull(flaw)
            const admissions = startsOf(run, seen).map((one) => one.run.admission)
            assert.strictEqual(new Set(admissions).size, admissions.length, "two starts under one admission")
            assert.isAtMost(seen.ends.filter((id) => id === run.dispatch.id).length, 1, "ended twice")
            assert.isAtMost(run.attempt, run.dispatch.maxAttempts)
          }
        }),
        { numRuns: 400 }
      )
  )
})
