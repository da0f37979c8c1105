/** The gate end to end, through a real store: contract sections 3, 4 and 6, the same for every adapter. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, blockedContextOf, type Notice, type RunId } from "@countersign/domain"
import {
  AttemptFailed,
  admitNext,
  Countersign,
  Handler,
  inventorySync,
  PartialSuccess,
  policyBulkDelete,
  restoreExecute,
  sampleCatalogue,
  Worker
} from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Layer, Ref, Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { dispatchAllLaws } from "./dispatchAllLaws.ts"
import {
  counting,
  dispatchSync,
  find,
  layerNoticesSeen,
  nextScope,
  nextSerial,
  type Store,
  workerOptions,
  workUntilDrained
} from "./support/gate.ts"
import { ada, byAda, connectionId, manager, readonly, setGate, settle, tenantId, workspaceId } from "./support/world.ts"

/** Every law below holds for this store. Each begins with the world in order. */
export const gateLaws = <E>(name: string, store: Layer.Layer<Store, E>) =>
  layer(
    Layer.mergeAll(Countersign.layer({ catalogue: sampleCatalogue }), SecureRandom.layerWebCrypto).pipe(
      Layer.provideMerge(store)
    ),
    {
      excludeTestServices: true,
      timeout: "60 seconds"
    }
  )(`the gate on ${name}`, (it) => {
    dispatchAllLaws(it)

    it.effect("acceptance 1: a capability lost after dispatch blocks, and the handler is never called", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const book = yield* AuthorityBook
        yield* book.setMembership(workspaceId, ada, readonly)
        const { handler, calls } = yield* counting()
        const notices = yield* workUntilDrained([handler])

        assert.strictEqual(yield* calls, 0)
        const run = yield* find(id)
        if (run._tag !== "Blocked") return assert.fail(`the run is ${run._tag}`)
        assert.isNull(run.startedAtMillis)
        assert.isNumber(run.completedAtMillis)
        const context = blockedContextOf(run)
        assert.strictEqual(context.blocked_by, "queued_execution_legitimacy")
        assert.strictEqual(context.execution_legitimacy.reason_code, "missing_capability")
        assert.deepStrictEqual(context.execution_legitimacy.checks, {
          workspace_scope: "passed",
          tenant_scope: "passed",
          capability: "failed",
          tenant_operability: "not_applicable",
          execution_prerequisites: "not_applicable"
        })
        assert.isNotEmpty(context.next_steps)
        assert.deepStrictEqual(
          notices.filter(({ runId }) => runId === id).map(({ recipient, outcome }) => [recipient, outcome]),
          [[ada, "blocked"]]
        )
      })
    )

    it.effect("acceptance 2: with the capability still held the handler is called once and its result returned", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const { handler, calls } = yield* counting()
        yield* workUntilDrained([handler])

        assert.strictEqual(yield* calls, 1)
        const run = yield* find(id)
        if (run._tag !== "Succeeded") return assert.fail(`the run is ${run._tag}`)
        assert.deepStrictEqual(run.result, { items: 7 })
        assert.isAtMost(run.startedAtMillis, run.completedAtMillis)
        const log = yield* AuditLog
        assert.deepStrictEqual(
          (yield* log.recordsOf(id)).map(({ action }) => action),
          ["run.dispatched", "run.decided", "run.started", "run.succeeded"]
        )
      })
    )

    it.effect("acceptance 3: a write gate closed after dispatch blocks the restore at the fifth check", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const { run: queued } = yield* gate.dispatch({
          ...byAda,
          operation: restoreExecute,
          payload: { backupId: `backup-${nextSerial()}` }
        })
        yield* setGate("failed")
        const called = yield* Ref.make(false)
        yield* workUntilDrained([Handler.make(restoreExecute, () => Effect.as(Ref.set(called, true), { restored: 1 }))])

        assert.isFalse(yield* Ref.get(called))
        const run = yield* find(queued.dispatch.id)
        if (run._tag !== "Blocked") return assert.fail(`the run is ${run._tag}`)
        assert.strictEqual(run.legitimacy.reason_code, "write_gate_blocked")
        assert.deepStrictEqual(run.legitimacy.checks, {
          workspace_scope: "passed",
          tenant_scope: "passed",
          capability: "passed",
          tenant_operability: "passed",
          execution_prerequisites: "failed"
        })
      })
    )

    it.effect("every_decision_is_audited, with the snapshot it was made from", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const { handler } = yield* counting()
        yield* workUntilDrained([handler])
        const log = yield* AuditLog
        const decisions = yield* log.decisionsOf(id)
        const decided = (yield* log.recordsOf(id)).filter(({ action }) => action === "run.decided")
        assert.deepStrictEqual(
          decided.map(({ decisionId }) => decisionId),
          decisions.map((decision) => decision.id)
        )
        assert.strictEqual(decisions[0]?.snapshot.facts.connection?.id, connectionId)
        assert.strictEqual(decisions[0]?.decision._tag, "Allowed")
      })
    )

    it.effect("denial_spends_no_attempt, and blocked_is_final", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const book = yield* AuthorityBook
        yield* book.setTenant({ id: tenantId, workspaceId, state: "archived" })
        const { handler, calls } = yield* counting()
        yield* workUntilDrained([handler])
        yield* settle
        yield* workUntilDrained([handler])
        const run = yield* find(id)
        assert.strictEqual(run._tag, "Blocked")
        assert.strictEqual(run.attempt, 1)
        assert.strictEqual(yield* calls, 0)
      })
    )

    it.effect("each attempt is admitted anew: authority lost between two attempts blocks the second", () =>
      Effect.gen(function* () {
        yield* settle
        const book = yield* AuthorityBook
        const id = yield* dispatchSync
        const calls = yield* Ref.make(0)
        const failing = Handler.make(inventorySync, () =>
          Effect.gen(function* () {
            yield* Ref.update(calls, (n) => n + 1)
            yield* Effect.orDie(book.setMembership(workspaceId, ada, readonly))
            return yield* new AttemptFailed({ code: "provider.busy", message: "The provider is busy.", retry: true })
          })
        )
        yield* workUntilDrained([failing])
        const run = yield* find(id)
        if (run._tag !== "Blocked") return assert.fail(`the run is ${run._tag}`)
        assert.strictEqual(yield* Ref.get(calls), 1)
        assert.isNotNull(run.startedAtMillis)
        assert.strictEqual(run.attempt, 2)
        assert.strictEqual(run.admission, 2)
      })
    )

    it.effect("a checkpoint after the authority is gone revokes the run and keeps its counts", () =>
      Effect.gen(function* () {
        yield* settle
        const book = yield* AuthorityBook
        const gate = yield* Countersign
        const { run: queued } = yield* gate.dispatch({
          ...byAda,
          operation: policyBulkDelete,
          payload: { policyIds: ["a", "b", `c-${nextSerial()}`] }
        })
        const deleted = yield* Ref.make(0)
        const bulk = Handler.make(policyBulkDelete, ({ policyIds }, context) =>
          Effect.gen(function* () {
            for (const _ of policyIds) {
              yield* context.checkpoint
              const count = yield* Ref.updateAndGet(deleted, (n) => n + 1)
              yield* context.reportCounts({ deleted: count })
              yield* Effect.orDie(book.removeMembership(workspaceId, ada))
            }
            return { deleted: yield* Ref.get(deleted) }
          })
        )
        yield* workUntilDrained([bulk])
        const run = yield* find(queued.dispatch.id)
        if (run._tag !== "Blocked") return assert.fail(`the run is ${run._tag}`)
        assert.strictEqual(yield* Ref.get(deleted), 1)
        assert.deepStrictEqual(run.counts, { deleted: 1 })
        assert.strictEqual(run.failure.detail, "not_a_member")
        assert.isNotNull(run.startedAtMillis)
      })
    )

    it.effect("two_workers_one_start: many workers on many runs call each handler once", () =>
      Effect.gen(function* () {
        yield* settle
        const ids = yield* Effect.forEach(Array.from({ length: 60 }), () => dispatchSync)
        const starts = yield* Ref.make<ReadonlyArray<RunId>>([])
        const handler = Handler.make(inventorySync, (_, { runId }) =>
          Effect.as(
            Ref.update(starts, (all) => [...all, runId]),
            { items: 0 }
          )
        )
        yield* Effect.all(
          Array.from({ length: 4 }, () => workUntilDrained([handler])),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([...(yield* Ref.get(starts))].sort(), [...ids].sort())
      })
    )

    it.effect("one identity, one active run: the second dispatch is answered with the first run", () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const payload = nextScope()
        const first = yield* gate.dispatch({ ...byAda, operation: inventorySync, payload })
        const second = yield* gate.dispatch({ ...byAda, initiator: "bob", operation: inventorySync, payload })
        assert.isFalse(first.deduped)
        assert.isTrue(second.deduped)
        assert.strictEqual(second.run.dispatch.id, first.run.dispatch.id)
        assert.deepStrictEqual(second.run.dispatch.subject.authority, first.run.dispatch.subject.authority)
        const { handler } = yield* counting()
        yield* workUntilDrained([handler])
        const third = yield* gate.dispatch({ ...byAda, operation: inventorySync, payload })
        assert.isFalse(third.deduped)
        yield* workUntilDrained([handler])
      })
    )

    it.effect("redelivery_changes_nothing: a finished run refuses cancelling and stays as it is", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const { handler } = yield* counting()
        yield* workUntilDrained([handler])
        const before = yield* find(id)
        const gate = yield* Countersign
        const refused = yield* Effect.flip(gate.cancel(id, { kind: "human", id: ada }))
        assert.strictEqual(refused._tag, "IllegalTransition")
        assert.deepStrictEqual(yield* find(id), before)
      })
    )

    it.effect("a handler that throws, dies or returns nonsense fails its run and stops nobody", () =>
      Effect.gen(function* () {
        yield* settle
        const dying = yield* dispatchSync
        const gate = yield* Countersign
        const { run: odd } = yield* gate.dispatch({
          ...byAda,
          operation: restoreExecute,
          payload: { backupId: `odd-${nextSerial()}` }
        })
        const { run: partial } = yield* gate.dispatch({
          ...byAda,
          operation: policyBulkDelete,
          payload: { policyIds: [`p-${nextSerial()}`] }
        })
        yield* workUntilDrained([
          Handler.make(inventorySync, () => Effect.die(new Error("secret token 1234"))),
          Handler.make(restoreExecute, () => Effect.succeed({ restored: Number.NaN })),
          Handler.make(policyBulkDelete, () =>
            Effect.succeed(
              new PartialSuccess({ deleted: 0 }, [{ code: "policy.locked", message: "A policy is locked." }])
            )
          )
        ])
        const died = yield* find(dying)
        if (died._tag !== "Failed") return assert.fail(`the run is ${died._tag}`)
        assert.strictEqual(died.failure.code, "handler.died")
        assert.strictEqual(died.attempt, 3)
        assert.notInclude(JSON.stringify(died), "secret")
        const nonsense = yield* find(odd.dispatch.id)
        if (nonsense._tag !== "Failed") return assert.fail(`the run is ${nonsense._tag}`)
        assert.strictEqual(nonsense.failure.code, "handler.invalid_result")
        assert.strictEqual((yield* find(partial.dispatch.id))._tag, "PartiallySucceeded")
      })
    )

    it.effect("a worker that stops gives its work back without spending an attempt", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const started = yield* Deferred.make<void>()
        const hanging = Handler.make(inventorySync, () =>
          Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
        )
        const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
        const scope = yield* Scope.make()
        yield* Layer.buildWithScope(
          Worker.layer({ ...workerOptions([hanging]), drainMillis: 0 }).pipe(Layer.provide(layerNoticesSeen(seen))),
          scope
        )
        yield* Deferred.await(started)
        yield* Scope.close(scope, Exit.void)
        const released = yield* find(id)
        if (released._tag !== "Queued") return assert.fail(`the run is ${released._tag}`)
        assert.strictEqual(released.attempt, 1)
        assert.strictEqual(released.admission, 2)
        const { handler, calls } = yield* counting()
        yield* workUntilDrained([handler])
        assert.strictEqual(yield* calls, 1)
        assert.strictEqual((yield* find(id))._tag, "Succeeded")
      })
    )

    it.effect("a cancelled run is interrupted by the next heartbeat, and its finalizers run", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const started = yield* Deferred.make<void>()
        const cleaned = yield* Deferred.make<void>()
        const hanging = Handler.make(inventorySync, () =>
          Deferred.succeed(started, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.ensuring(Deferred.succeed(cleaned, undefined))
          )
        )
        const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
        yield* Effect.gen(function* () {
          yield* Deferred.await(started)
          const gate = yield* Countersign
          yield* gate.cancel(id, { kind: "human", id: ada })
          yield* Deferred.await(cleaned)
        }).pipe(
          Effect.provide(
            Worker.layer({ ...workerOptions([hanging]), leaseMillis: 300 }).pipe(Layer.provide(layerNoticesSeen(seen)))
          )
        )
        assert.strictEqual((yield* find(id))._tag, "Cancelled")
      })
    )

    it.effect("an orphan is rescued after its lease is lost, as the next attempt", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        // A worker that admitted the run and was never heard of again.
        const nowMillis = yield* Clock.currentTimeMillis
        yield* admitNext(
          { limit: 10, operationTypes: [inventorySync.type], nowMillis, order: "oldest", passOver: [], fullLanes: [] },
          {
            catalogue: sampleCatalogue,
            lease: { holder: "vanished", untilMillis: nowMillis + 50 },
            nowMillis,
            retryFactsAtMillis: nowMillis
          }
        )
        const { handler, calls } = yield* counting()
        const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
        yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(
          Effect.provide(
            Worker.layer({ ...workerOptions([handler]), leaseMillis: 1_000 }).pipe(
              Layer.provide(layerNoticesSeen(seen))
            )
          )
        )
        const run = yield* find(id)
        assert.strictEqual(run._tag, "Succeeded")
        assert.strictEqual(run.attempt, 2)
        assert.strictEqual(yield* calls, 1)
      })
    )

    it.effect("an observer that breaks disturbs nobody", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const { handler, calls } = yield* counting()
        const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
        const broken = () => {
          throw new Error("observer")
        }
        yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(
          Effect.provide(
            Worker.layer({ ...workerOptions([handler]), observe: broken }).pipe(Layer.provide(layerNoticesSeen(seen)))
          )
        )
        assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual(yield* calls, 1)
      })
    )

    it.effect("the initiator hears exactly once; nobody hears of what still waits", () =>
      Effect.gen(function* () {
        yield* settle
        const ids = yield* Effect.forEach(Array.from({ length: 10 }), () => dispatchSync)
        const { handler } = yield* counting()
        const notices = yield* Effect.all([workUntilDrained([handler]), workUntilDrained([handler])], {
          concurrency: "unbounded"
        })
        const told = notices.flat().map(({ runId }) => runId)
        assert.deepStrictEqual(
          ids.filter((id) => told.filter((runId) => runId === id).length !== 1),
          []
        )
      })
    )

    it.effect("explain names every failing check and the change that would allow the run", () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        const book = yield* AuthorityBook
        yield* book.setMembership(workspaceId, ada, readonly)
        yield* book.setTenant({ id: tenantId, workspaceId, state: "archived" })
        const gate = yield* Countersign
        const { explanation, basis } = yield* gate.explain(id)
        assert.strictEqual(basis, "facts_of_now")
        assert.deepStrictEqual(
          explanation?.failing.map(({ check }) => check),
          ["capability", "tenant_operability"]
        )
        assert.deepStrictEqual(
          explanation?.remedy._tag === "ChangeFacts" ? explanation.remedy.changes.map(({ kind }) => kind) : [],
          ["grant_capability", "change_tenant_state"]
        )
        yield* book.setMembership(workspaceId, ada, manager)
        yield* settle
        const { handler } = yield* counting()
        yield* workUntilDrained([handler])
        assert.strictEqual((yield* find(id))._tag, "Succeeded")
      })
    )
  })
