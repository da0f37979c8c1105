/** The laws of `AuditLog`: every decision and every transition is on record, in order, for good. */
import { AuditLog, canonicalJson, dispatchStep, RunStore, type Step } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { hostsPartArbitrary } from "./hostile.ts"
import { IN_REAL_TIME, type RunPorts, SAMPLES } from "./laws.ts"
import { blockStep, confirmStep, revokeStep, startStep, stepOf } from "./rulings.ts"
import { asQueued, asRunning, enqueuedOne, leaseAt, moved, written } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const auditLogLaws = <E>(name: string, adapter: Layer.Layer<RunPorts, E>): void =>
  layer(adapter, IN_REAL_TIME)(`AuditLog: ${name}`, (it) => {
    it.effect("every_decision_is_audited: records and decisions are read back as written, oldest first", () =>
      Effect.gen(function* () {
        const audit = yield* AuditLog
        const world = yield* makeWorld
        // All of one instant: the order is that of writing, not of time.
        const { atMillis } = world
        const lease = leaseAt(atMillis)
        const first = dispatchStep(world.dispatch())
        const { id } = first.run.dispatch
        const queued = yield* enqueuedOne(first.run.dispatch)
        const steps: Array<Step> = []
        const take = (one: Step) => Effect.tap(moved(one, lease), () => Effect.sync(() => steps.push(one)))
        const running = asRunning(yield* take(startStep(queued, atMillis)))
        yield* take(confirmStep(running, atMillis))
        const release = stepOf(running, { _tag: "Release", admission: 1, atMillis, counts: {} })
        const again = asQueued(yield* take(release))
        yield* take(revokeStep(asRunning(yield* take(startStep(again, atMillis))), atMillis, { done: 1 }))
        assert.deepStrictEqual(yield* audit.recordsOf(id), [first.audit, ...steps.flatMap((one) => one.audit)])
        assert.deepStrictEqual(
          yield* audit.decisionsOf(id),
          steps.flatMap(({ decision }) => decision ?? [])
        )
      })
    )

    it.effect.prop(
      "whatever the host's words, a decision and its snapshot come back whole",
      [hostsPartArbitrary],
      ([hostsPart]) =>
        Effect.gen(function* () {
          const audit = yield* AuditLog
          const store = yield* RunStore
          const world = yield* makeWorld
          const first = dispatchStep(world.dispatch(hostsPart))
          const { id } = first.run.dispatch
          yield* store.dispatch([first])
          const block = blockStep(asQueued(yield* store.find(id)), world.atMillis + 1)
          yield* written([block])
          assert.deepStrictEqual(yield* audit.recordsOf(id), [first.audit, ...block.audit])
          assert(block.decision)
          assert.deepStrictEqual(yield* audit.decisionsOf(id), [block.decision])
          const run = yield* store.find(id)
          assert(run._tag === "Blocked" && block.after._tag === "Blocked")
          assert.deepStrictEqual(run.legitimacy, block.after.legitimacy)
          assert.strictEqual(canonicalJson(run.dispatch.payload), canonicalJson(first.run.dispatch.payload))
        }),
      SAMPLES
    )

    it.effect("one run's record is nobody else's, and an unknown run has none", () =>
      Effect.gen(function* () {
        const audit = yield* AuditLog
        const world = yield* makeWorld
        const [mine, other] = [yield* enqueuedOne(world.dispatch()), yield* enqueuedOne(world.dispatch())]
        yield* moved(blockStep(other, world.atMillis))
        assert.strictEqual((yield* audit.recordsOf(mine.dispatch.id)).length, 1)
        assert.deepStrictEqual(yield* audit.decisionsOf(mine.dispatch.id), [])
        assert.deepStrictEqual(yield* audit.recordsOf(runIdAt(world.atMillis)), [])
        assert.deepStrictEqual(yield* audit.decisionsOf(runIdAt(world.atMillis)), [])
      })
    )
  })
