/** The command line without a process: arguments in, exit code and output out. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Layer } from "effect"
import { TestConsole } from "effect/testing"
import { main } from "../../../../packages/worker/src/cli/main.ts"
import { makeStop, Stop } from "../../../../packages/worker/src/cli/Stop.ts"

export interface Answered {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs these arguments in this environment. */
export const answered = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Record<string, string> = {}
): Effect.fn.Return<Answered> {
  const surroundings = Layer.mergeAll(
    NodeServices.layer,
    TestConsole.layer,
    Layer.effect(Stop, makeStop),
    ConfigProvider.layer(ConfigProvider.fromUnknown(env))
  )
  return yield* Effect.gen(function* () {
    const code = yield* main(args)
    const stdout = (yield* TestConsole.logLines).join("\n")
    const stderr = (yield* TestConsole.errorLines).join("\n")
    return { code, stdout, stderr }
  }).pipe(Effect.provide(surroundings))
})
