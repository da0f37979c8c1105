/** Every path a run can take, through a real store: contract sections 3 and 8, the same for every adapter. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, Catalogue, type Notice, Operation, RunStore } from "@countersign/domain"
import {
  AttemptFailed,
  admitNext,
  Countersign,
  Handler,
  inventorySync,
  policyBulkDelete,
  prune,
  reconcile,
  restoreExecute,
  sampleCatalogue,
  Worker
} from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Effect, Layer, Ref, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import {
  counting,
  dispatchSync,
  eventually,
  find,
  layerNoticesSeen,
  nextScope,
  nextSerial,
  type Store,
  workerOptions,
  workUntilDrained
} from "./support/gate.ts"
import { ada, byAda, readonly, setGate, settle, tenantId, workspaceId } from "./support/world.ts"

/** A restore that would rather wait than be blocked, for a minute. */
const patientRestore = Operation.make({
  type: "restore.patient",
  capability: "restore.execute",
  writes: true,
  payload: Schema.Struct({ backupId: Schema.String }),
  result: Schema.Void,
  hold: { retryMillis: 60_000, deadlineMillis: 60_000 }
})
/** The same, but its patience is over at once. */
const hastyRestore = Operation.make({
  type: "restore.hasty",
  capability: "restore.execute",
  writes: true,
  payload: Schema.Struct({ backupId: Schema.String }),
  result: Schema.Void,
  hold: { retryMillis: 20, deadlineMillis: 60 }
})
const catalogue = Catalogue.make([...sampleCatalogue.operations.values(), patientRestore, hastyRestore])

/** A worker while the effect lasts. */
const whileWorking = <A, E, R>(
  handlers: ReadonlyArray<Handler>,
  effect: Effect.Effect<A, E, R>,
  limits: { readonly leaseMillis?: number } = {}
) =>
  Effect.gen(function* () {
    const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
    return yield* effect.pipe(
      Effect.provide(
        Worker.layer({ ...workerOptions(handlers, catalogue), ...limits }).pipe(Layer.provide(layerNoticesSeen(seen)))
      )
    )
  })

/** Every law below holds for this store. Each begins with the world in order. */
export const pathLaws = <E>(name: string, store: Layer.Layer<Store, E>) =>
  layer(Layer.mergeAll(Countersign.layer({ catalogue }), SecureRandom.layerWebCrypto).pipe(Layer.provideMerge(store)), {
    excludeTestServices: true,
    timeout: "60 seconds"
  })(`the paths of a run on ${name}`, (it) => {
    it.effect("a held run waits visibly, and goes on as soon as the facts change", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: patientRestore,
          payload: { backupId: `held-${nextSerial()}` }
        })
        const { id } = run.dispatch
        yield* setGate("failed")
        const calls = yield* Ref.make(0)
        const handler = Handler.make(patientRestore, () => Ref.update(calls, (n) => n + 1))
        yield* whileWorking(
          [handler],
          Effect.gen(function* () {
            const held = yield* eventually(find(id), (found) => found._tag === "Queued" && found.held !== null)
            if (held._tag !== "Queued") return assert.fail(`the run is ${held._tag}`)
            assert.strictEqual(held.held?.failure.code, "write_gate_blocked")
            assert.strictEqual(held.attempt, 1)
            assert.strictEqual(held.admission, 2)
            yield* setGate("ok")
            const worker = yield* Worker
            yield* worker.drained
          })
        )
        assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual(yield* Ref.get(calls), 1)
        const log = yield* AuditLog
        assert.includeMembers(
          (yield* log.recordsOf(id)).map(({ action }) => action),
          ["run.held", "run.started", "run.succeeded"]
        )
      })
    )

    it.effect("a held run is blocked when its deadline has passed, and told once", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: hastyRestore,
          payload: { backupId: `hasty-${nextSerial()}` }
        })
        yield* setGate("failed")
        const notices = yield* workUntilDrained([Handler.make(hastyRestore, () => Effect.void)], catalogue)
        const ended = yield* find(run.dispatch.id)
        if (ended._tag !== "Blocked") return assert.fail(`the run is ${ended._tag}`)
        assert.strictEqual(ended.attempt, 1)
        assert.isAbove(ended.admission, 1)
        assert.strictEqual(notices.filter(({ runId }) => runId === run.dispatch.id).length, 1)
      })
    )

    it.effect("a denial that cannot pass blocks at once, even where holding is declared", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: patientRestore,
          payload: { backupId: `never-${nextSerial()}` }
        })
        yield* book.setMembership(workspaceId, ada, readonly)
        yield* workUntilDrained([Handler.make(patientRestore, () => Effect.void)], catalogue)
        assert.strictEqual((yield* find(run.dispatch.id))._tag, "Blocked")
      })
    )

    it.effect("authority lost while running stops the handler within a heartbeat, and its counts are kept", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: policyBulkDelete,
          payload: { policyIds: [`beat-${nextSerial()}`] }
        })
        const counted = yield* Deferred.make<void>()
        const stopped = yield* Deferred.make<void>()
        const endless = Handler.make(policyBulkDelete, (_, { reportCounts }) =>
          reportCounts({ deleted: 3 }).pipe(
            Effect.andThen(Deferred.succeed(counted, undefined)),
            Effect.andThen(Effect.never),
            Effect.ensuring(Deferred.succeed(stopped, undefined))
          )
        )
        yield* whileWorking(
          [endless],
          Effect.gen(function* () {
            yield* Deferred.await(counted)
            yield* book.removeMembership(workspaceId, ada)
            yield* Deferred.await(stopped)
          }),
          { leaseMillis: 600 }
        )
        const ended = yield* find(run.dispatch.id)
        if (ended._tag !== "Blocked") return assert.fail(`the run is ${ended._tag}`)
        assert.deepStrictEqual(ended.counts, { deleted: 3 })
        assert.isNotNull(ended.startedAtMillis)
        assert.strictEqual(ended.failure.detail, "not_a_member")
      })
    )

    it.effect("a chunk is finished before the handler is stopped, and what it counted is kept", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: policyBulkDelete,
          payload: { policyIds: [`chunk-${nextSerial()}`] }
        })
        const afterwards = yield* Ref.make(false)
        const inChunks = Handler.make(policyBulkDelete, (_, { chunk, reportCounts }) =>
          Effect.gen(function* () {
            yield* chunk(
              Effect.andThen(Effect.orDie(book.removeMembership(workspaceId, ada)), reportCounts({ deleted: 9 }))
            )
            yield* Ref.set(afterwards, true)
            return { deleted: 9 }
          })
        )
        yield* workUntilDrained([inChunks], catalogue)
        const ended = yield* find(run.dispatch.id)
        if (ended._tag !== "Blocked") return assert.fail(`the run is ${ended._tag}`)
        assert.deepStrictEqual(ended.counts, { deleted: 9 })
        assert.isFalse(yield* Ref.get(afterwards))
        // Its first decision allowed it: why it ended is in the last one.
        const { basis, explanation, takenAtMillis } = yield* gate.explain(run.dispatch.id)
        const decisions = yield* (yield* AuditLog).decisionsOf(run.dispatch.id)
        assert.deepStrictEqual(
          decisions.map(({ decision }) => decision._tag),
          ["Allowed", "Denied"]
        )
        assert.deepStrictEqual(
          [basis, explanation?.decision, takenAtMillis],
          ["last_decision", decisions[1]?.decision, decisions[1]?.decidedAtMillis]
        )
      })
    )

    it.effect("counts are stored while the handler works; one that is not declared fails the run for good", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const dispatched = (policyId: string) =>
          gate.dispatch({ ...byAda, operation: policyBulkDelete, payload: { policyIds: [policyId] } })
        const { run } = yield* dispatched(`count-${nextSerial()}`)
        const go = yield* Deferred.make<void>()
        const slow = Handler.make(policyBulkDelete, (_, { reportCounts }) =>
          reportCounts({ deleted: 1 }).pipe(
            Effect.andThen(Deferred.await(go)),
            Effect.andThen(reportCounts({ deleted: 2 })),
            Effect.as({ deleted: 2 })
          )
        )
        yield* whileWorking(
          [slow],
          Effect.gen(function* () {
            yield* eventually(find(run.dispatch.id), ({ counts }) => counts.deleted === 1)
            yield* Deferred.succeed(go, undefined)
            yield* Effect.flatMap(Worker, (worker) => worker.drained)
          })
        )
        assert.deepStrictEqual((yield* find(run.dispatch.id)).counts, { deleted: 2 })

        const { run: odd } = yield* dispatched(`odd-${nextSerial()}`)
        const miscounting = Handler.make(policyBulkDelete, (_, { reportCounts }) =>
          Effect.as(reportCounts({ stolen: 1 }), { deleted: 0 })
        )
        yield* workUntilDrained([miscounting], catalogue)
        const failed = yield* find(odd.dispatch.id)
        if (failed._tag !== "Failed") return assert.fail(`the run is ${failed._tag}`)
        assert.strictEqual(failed.failure.code, "handler.invalid_counts")
        assert.strictEqual(failed.attempt, 1)
      })
    )

    it.effect("a run that waited past its limit is given up, whether or not a worker would come", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const nowMillis = yield* Clock.currentTimeMillis
        const { run } = yield* gate.dispatch({
          ...byAda,
          operation: inventorySync,
          payload: nextScope(),
          expiresAtMillis: nowMillis + 60
        })
        yield* Effect.sleep(80)
        yield* reconcile(catalogue)
        const ended = yield* find(run.dispatch.id)
        if (ended._tag !== "Failed") return assert.fail(`the run is ${ended._tag}`)
        assert.strictEqual(ended.failure.code, "run.stale_queued")
        assert.isNull(ended.startedAtMillis)

        const { run: claimed } = yield* gate.dispatch({
          ...byAda,
          operation: inventorySync,
          payload: nextScope(),
          expiresAtMillis: (yield* Clock.currentTimeMillis) + 60
        })
        const laterMillis = (yield* Clock.currentTimeMillis) + 1_000
        const { expired, started } = yield* admitNext(
          {
            limit: 10,
            operationTypes: [inventorySync.type],
            nowMillis: laterMillis,
            order: "oldest",
            passOver: [],
            fullLanes: []
          },
          {
            catalogue,
            lease: { holder: "a worker", untilMillis: laterMillis },
            nowMillis: laterMillis,
            retryFactsAtMillis: laterMillis
          }
        )
        assert.deepStrictEqual([expired.map(({ dispatch }) => dispatch.id), started.length], [[claimed.dispatch.id], 0])
      })
    )

    it.effect("a handler that names when to try again is tried again then", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const attempts = yield* Ref.make(0)
        const busyOnce = Handler.make(inventorySync, () =>
          Effect.gen(function* () {
            if ((yield* Ref.getAndUpdate(attempts, (n) => n + 1)) > 0) return { items: 1 }
            const busy = { code: "provider.busy", message: "The provider is busy.", retry: true }
            return yield* new AttemptFailed({ ...busy, retryAfterMillis: 3_600_000 })
          })
        )
        yield* whileWorking(
          [busyOnce],
          eventually(find(id), (found) => found._tag === "Queued" && found.attempt === 2)
        )
        const waiting = yield* find(id)
        if (waiting._tag !== "Queued") return assert.fail(`the run is ${waiting._tag}`)
        assert.isAbove(waiting.availableAtMillis - (yield* Clock.currentTimeMillis), 3_000_000)
        yield* Effect.flatMap(Countersign, (gate) => gate.cancel(id, { kind: "human", id: ada }))
      })
    )

    it.effect("a completed run is done again as a new run that names it; an active one refuses", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const { run: first } = yield* gate.dispatch({
          ...byAda,
          operation: inventorySync,
          payload: nextScope(),
          priority: "high"
        })
        const { id } = first.dispatch
        const refused = yield* Effect.flip(gate.retry(id, null))
        assert.strictEqual(refused._tag, "IllegalTransition")
        yield* book.setTenant({ id: tenantId, workspaceId, state: "archived" })
        const { handler, calls } = yield* counting()
        yield* workUntilDrained([handler], catalogue)
        assert.strictEqual((yield* find(id))._tag, "Blocked")

        yield* settle
        const { run: again } = yield* gate.retry(id, null)
        assert.deepStrictEqual([again.dispatch.retryOf, again.dispatch.priority], [id, "high"])
        assert.deepStrictEqual(yield* find(again.dispatch.id), again)
        assert.notStrictEqual(again.dispatch.id, id)
        yield* workUntilDrained([handler], catalogue)
        assert.strictEqual((yield* find(again.dispatch.id))._tag, "Succeeded")
        assert.strictEqual((yield* find(id))._tag, "Blocked")
        assert.strictEqual(yield* calls, 1)
      })
    )

    it.effect("old runs are pruned, their audit record stays, and active ones are never touched", () =>
      Effect.gen(function* () {
        yield* settle
        const store = yield* RunStore
        const done = yield* dispatchSync
        const { handler } = yield* counting()
        yield* workUntilDrained([handler], catalogue)
        const gate = yield* Countersign
        const { run: waiting } = yield* gate.dispatch({
          ...byAda,
          operation: restoreExecute,
          payload: { backupId: `waits-${nextSerial()}` }
        })
        yield* prune(-60_000)
        assert.strictEqual((yield* Effect.flip(store.find(done)))._tag, "RunNotFound")
        assert.strictEqual((yield* find(waiting.dispatch.id))._tag, "Queued")
        const log = yield* AuditLog
        assert.isNotEmpty(yield* log.recordsOf(done))
        yield* gate.cancel(waiting.dispatch.id, { kind: "human", id: ada })
      })
    )
  })
