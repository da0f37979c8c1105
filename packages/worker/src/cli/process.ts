/** The command line as a process: its arguments, its signals, its exit code. */
import { constants } from "node:os"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { uncaught } from "./failures.ts"
import { main, wantsJson, wantsStacks } from "./main.ts"
import { tellFailure } from "./presenter.ts"
import { makeStop, Stop } from "./Stop.ts"

/** Ends the process once what was written has been taken. */
const exit = (code: number) => {
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}

const program = Effect.gen(function* () {
  const stop = yield* makeStop
  let asked = false
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const number = constants.signals[signal]
      // Asked twice: at once.
      if (asked) process.exit(128 + number)
      asked = true
      stop.request(number)
    })
  }
  return yield* Effect.provideService(main(process.argv.slice(2)), Stop, stop)
})

const tellUncaught = (error: unknown): void => {
  const args = process.argv.slice(2)
  Effect.runSync(tellFailure(uncaught(error), wantsJson(args)))
  if (wantsStacks(args) && !wantsJson(args) && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

/** Runs the command line and ends the process. */
export const runProcess = (): void => {
  // Whoever read our output has gone (`| head`): nobody is left to tell.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
  }
  // Code of the host's that threw where nobody could catch it: what would follow cannot be relied upon.
  process.on("uncaughtException", (error) => {
    tellUncaught(error)
    exit(1)
  })
  // A promise of the host's that nobody awaited: whoever started it goes on, and so do the other handlers.
  process.on("unhandledRejection", tellUncaught)
  program.pipe(Effect.provide(NodeServices.layer), Effect.runPromise).then(exit)
}
