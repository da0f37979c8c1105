/** The command line as a process: its arguments, its signals, its exit code. */
import { constants } from "node:os"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import type { CliFailure } from "./CliFailure.ts"
import { outputClosed, stuck, uncaught } from "./failures.ts"
import { layerLog } from "./log.ts"
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

const tell = (failure: CliFailure): void => Effect.runSync(tellFailure(failure, wantsJson(process.argv.slice(2))))

const tellUncaught = (error: unknown): void => {
  const args = process.argv.slice(2)
  tell(uncaught(error))
  if (wantsStacks(args) && !wantsJson(args) && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

const tellWarning = ({ message }: Error): void =>
  Effect.runSync(Effect.provide(Effect.logWarning(message), layerLog(wantsJson(process.argv.slice(2)))))

/** Runs the command line and ends the process. */
export const runProcess = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read our output has gone (`| head`): nobody is left to tell.
    if (error.code === "EPIPE") process.exit(0)
    tell(outputClosed)
    process.exit(1)
  })
  process.stderr.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
  // What Node itself warns of, such as an app whose package does not say that it is a module: in the log, like everything else.
  process.removeAllListeners("warning")
  process.on("warning", tellWarning)
  // Code of the host's that threw where nobody could catch it: what would follow cannot be relied upon.
  process.on("uncaughtException", (error) => {
    tellUncaught(error)
    exit(1)
  })
  // A promise of the host's that nobody awaited: whoever started it goes on, and so do the other handlers.
  process.on("unhandledRejection", tellUncaught)
  // Node would end the process here, with the code of one that has done its work.
  process.once("beforeExit", () => {
    tell(stuck)
    exit(1)
  })
  program.pipe(Effect.provide(NodeServices.layer), Effect.runPromise).then(exit)
}
