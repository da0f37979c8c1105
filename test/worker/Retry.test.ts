/** Doing a run again: a new run that names the old one, on a stated authority, decided like any other. */
import { AuthorityBook, runIdAt } from "@countersign/adapters/testing"
import { type RunId, UserId } from "@countersign/domain"
import { backupScheduleRun, Countersign, Handler } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { actionsOf, dispatchSync, find, findAs, layerBench, pass, startWorker, syncing } from "./support/bench.ts"
import { ada, connectionId, manager, settle, tenantId, workspaceId } from "./support/world.ts"

const bob = UserId.make("bob")

const cancelled = (id: RunId) => Effect.flatMap(Countersign, (gate) => gate.cancel(id, { kind: "human", id: ada }))

/** An inventory sync of Ada's that is over. */
const completed = Effect.gen(function* () {
  yield* settle
  const id = yield* dispatchSync
  yield* cancelled(id)
  return id
})

describe("doing a run again", () => {
  it.effect("is a new run of the same operation, target, payload and initiator; the old one stays as it is", () =>
    Effect.gen(function* () {
      const id = yield* completed
      const before = yield* find(id)
      const gate = yield* Countersign
      const { run, deduped } = yield* gate.retry(id, null)
      assert.isFalse(deduped)
      assert.notStrictEqual(run.dispatch.id, id)
      assert.strictEqual(run.dispatch.retryOf, id)
      assert.deepStrictEqual(run.dispatch.subject, before.dispatch.subject)
      assert.deepStrictEqual(run.dispatch.payload, before.dispatch.payload)
      assert.strictEqual(run.dispatch.initiatorName, "Ada")
      assert.strictEqual(run.attempt, 1)
      yield* startWorker([syncing(Effect.void)])
      yield* pass(1_000)
      yield* findAs(run.dispatch.id, "Succeeded")
      assert.include(yield* actionsOf(run.dispatch.id), "run.decided")
      assert.deepStrictEqual(yield* find(id), before)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("on the authority of somebody else: that person's is asked about, not the first one's", () =>
    Effect.gen(function* () {
      const id = yield* completed
      const book = yield* AuthorityBook
      yield* book.removeMembership(workspaceId, ada)
      yield* book.setUser({ id: bob, name: "Bob", disabled: false })
      yield* book.setMembership(workspaceId, bob, manager)
      yield* book.setEntitlement(bob, tenantId)
      const gate = yield* Countersign
      const { run } = yield* gate.retry(id, { initiator: bob, initiatorName: "Bob" })
      assert.deepStrictEqual(run.dispatch.subject.authority, { _tag: "ActorBound", initiator: bob })
      assert.strictEqual(run.dispatch.initiatorName, "Bob")
      yield* startWorker([syncing(Effect.void)])
      yield* pass(1_000)
      yield* findAs(run.dispatch.id, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("nothing of the old decision counts: who has lost the authority since is blocked", () =>
    Effect.gen(function* () {
      const id = yield* completed
      yield* (yield* AuthorityBook).removeMembership(workspaceId, ada)
      const { run } = yield* (yield* Countersign).retry(id, null)
      yield* startWorker([syncing(Effect.die("must not be called"))])
      yield* pass(1_000)
      yield* findAs(run.dispatch.id, "Blocked")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a system run stays one, of the same kind; it cannot become one where that is not declared", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const { run: first } = yield* gate.dispatch({
        workspaceId,
        tenantId,
        providerConnectionId: connectionId,
        systemAuthority: true,
        actorKind: "scheduled",
        operation: backupScheduleRun,
        payload: {}
      })
      const backup = Handler.make(backupScheduleRun, () => Effect.succeed({ backedUp: 1 }))
      yield* startWorker([backup])
      yield* pass(1_000)
      const { run } = yield* gate.retry(first.dispatch.id, null)
      assert.deepStrictEqual(run.dispatch.subject, first.dispatch.subject)
      assert.strictEqual(run.dispatch.actorKind, "scheduled")
      assert.isNull(run.dispatch.initiatorName)

      const personal = yield* dispatchSync
      yield* cancelled(personal)
      const refused = yield* Effect.flip(gate.retry(personal, { systemAuthority: true }))
      if (refused._tag !== "DispatchRefused") return assert.fail(`it is ${refused._tag}`)
      assert.strictEqual(refused.reason, "system_authority_not_declared")
    }).pipe(Effect.provide(layerBench))
  )

  for (const state of ["Queued", "Running"] as const) {
    it.effect(`a run that is ${state} refuses, and is unharmed`, () =>
      Effect.gen(function* () {
        yield* settle
        const id = yield* dispatchSync
        if (state === "Running") yield* startWorker([syncing(Effect.never)])
        yield* pass(100)
        const before = yield* findAs(id, state)
        const refused = yield* Effect.flip((yield* Countersign).retry(id, null))
        if (refused._tag !== "IllegalTransition") return assert.fail(`it is ${refused._tag}`)
        assert.deepStrictEqual([refused.runId, refused.from, refused.event], [id, state, "Retry"])
        assert.deepStrictEqual(yield* find(id), before)
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("asked for twice, it is done once: the second is answered with the first", () =>
    Effect.gen(function* () {
      const id = yield* completed
      const gate = yield* Countersign
      const first = yield* gate.retry(id, null)
      const second = yield* gate.retry(id, null)
      assert.isTrue(second.deduped)
      assert.strictEqual(second.run.dispatch.id, first.run.dispatch.id)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a run that nobody knows is not found", () =>
    Effect.gen(function* () {
      yield* settle
      const refused = yield* Effect.flip((yield* Countersign).retry(runIdAt(1), null))
      assert.strictEqual(refused._tag, "RunNotFound")
    }).pipe(Effect.provide(layerBench))
  )
})
