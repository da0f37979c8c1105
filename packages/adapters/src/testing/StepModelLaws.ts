/** The law that a store follows the lifecycle, whatever happens to a run. */
import { type Run, RunStore, type Step, step } from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { allOf } from "./endings.ts"
import { type Register, type RunPorts, SAMPLES } from "./laws.ts"
import { blockStep, confirmStep, holdStep, revokeStep, startStep } from "./rulings.ts"
import { enqueuedOne, leaseAt, written } from "./runs.ts"
import { makeWorld } from "./World.ts"

/** The laws of writing steps, by random sequences against a model. */
export const stepModelLaws = (it: Register<RunPorts>): void => {
  it.effect.prop(
    "whatever happens to a run, the store follows the lifecycle and refuses what is late",
    [Schema.Array(Schema.Literals(EVENTS)).check(Schema.isMaxLength(12))],
    ([events]) =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        let run: Run = yield* enqueuedOne(world.dispatch())
        const past: Array<Step> = []
        for (const [at, event] of events.entries()) {
          const next = happening(run, event, world.atMillis + at)
          if (Result.isFailure(next)) continue
          yield* written([next.success], leaseAt(world.atMillis))
          past.push(next.success)
          run = next.success.after
          assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
        }
        const before = yield* allOf(run.dispatch.id)
        const late = past.filter((one) => one.after !== one.before)
        assert.strictEqual((yield* store.write(late, leaseAt(world.atMillis))).length, late.length)
        assert.deepStrictEqual(yield* allOf(run.dispatch.id), before)
      }),
    SAMPLES
  )
}

const EVENTS = [
  "Start",
  "Start",
  "Start",
  "Block",
  "Hold",
  "Hold",
  "Confirm",
  "Revoke",
  "Cancel",
  "Expire",
  "Succeed",
  "Fail",
  "FailAttempt",
  "Release",
  "LoseLease"
] as const

/** The step of an event, where the run is in a state that has it. */
const happening = (run: Run, event: (typeof EVENTS)[number], atMillis: number): Result.Result<Step, unknown> => {
  const report = { admission: run.admission, atMillis, counts: { at: atMillis } }
  const failure = { code: "tests.failure", message: "it broke" }
  const by = { kind: "human", id: "Ada" } as const
  const eventOf = (): Parameters<typeof step>[1] | null => {
    switch (event) {
      case "Cancel":
        return { _tag: event, by, atMillis }
      case "Expire":
        return { _tag: event, atMillis }
      case "Succeed":
        return { _tag: event, ...report, result: { event } }
      case "Fail":
        return { _tag: event, ...report, failure }
      case "FailAttempt":
        return { _tag: event, ...report, failure, retryAtMillis: atMillis }
      case "Release":
        return { _tag: event, ...report }
      case "LoseLease":
        return { _tag: event, admission: run.admission, atMillis, retryAtMillis: atMillis }
      default:
        return null
    }
  }
  const plain = eventOf()
  if (plain !== null) return step(run, plain)
  if (run._tag === "Queued" && event === "Start") return Result.succeed(startStep(run, atMillis))
  if (run._tag === "Queued" && event === "Block") return Result.succeed(blockStep(run, atMillis))
  if (run._tag === "Queued" && event === "Hold") return Result.succeed(holdStep(run, atMillis))
  if (run._tag === "Running" && event === "Confirm") return Result.succeed(confirmStep(run, atMillis))
  if (run._tag === "Running" && event === "Revoke") return Result.succeed(revokeStep(run, atMillis, { revoked: 1 }))
  return Result.fail("not in this state")
}
