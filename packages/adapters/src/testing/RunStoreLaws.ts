/** The laws of `RunStore`. */
import { type RunId, RunStore } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { dispatchAllLaws } from "./DispatchAllLaws.ts"
import { dispatchLaws } from "./DispatchLaws.ts"
import { expiryLaws } from "./ExpiryLaws.ts"
import { guardLaws } from "./GuardLaws.ts"
import { leaseLaws } from "./LeaseLaws.ts"
import { listLaws } from "./ListLaws.ts"
import { IN_REAL_TIME, type RunPorts } from "./laws.ts"
import { retentionLaws } from "./RetentionLaws.ts"
import { runningLaws } from "./RunningLaws.ts"
import { enqueuedOne } from "./runs.ts"
import { stepLaws } from "./StepLaws.ts"
import { stepModelLaws } from "./StepModelLaws.ts"
import { makeWorld } from "./World.ts"

/** What an adapter can show beyond the ports. */
export interface RunStoreHooks<R> {
  /**
   * Tries to bring a queued run to running past the port, such as by a bare `UPDATE`: the store's own last line of defence
   * has to refuse it, however it says so.
   */
  readonly forceRunning?: (id: RunId) => Effect.Effect<unknown, unknown, R>
}

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const runStoreLaws = <R, E>(
  name: string,
  adapter: Layer.Layer<RunPorts | R, E>,
  { forceRunning }: RunStoreHooks<R> = {}
): void =>
  layer(adapter, IN_REAL_TIME)(`RunStore: ${name}`, (it) => {
    dispatchLaws(it)
    dispatchAllLaws(it)
    listLaws(it)
    stepLaws(it)
    guardLaws(it)
    stepModelLaws(it)
    leaseLaws(it)
    runningLaws(it)
    expiryLaws(it)
    retentionLaws(it)
    if (forceRunning === undefined) return
    it.effect("no_running_without_permit: not past the port either", () =>
      Effect.gen(function* () {
        const queued = yield* enqueuedOne((yield* makeWorld).dispatch())
        yield* Effect.exit(forceRunning(queued.dispatch.id))
        assert.deepStrictEqual(yield* (yield* RunStore).find(queued.dispatch.id), queued)
      })
    )
  })
