/** Runs the command line to its exit code. It never fails: whatever goes wrong is told in words. */
import { Cause, Effect, Layer } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import type { SqlError } from "effect/sql"
import type { AlreadyTold, CliFailure } from "./CliFailure.ts"
import { inWords, type KnownFailure, unforeseen } from "./failures.ts"
import { layerLog } from "./log.ts"
import { makePresenter, tellFailure } from "./presenter.ts"
import { rootFor } from "./root.ts"
import { Stop } from "./Stop.ts"
import { VERSION } from "./version.ts"

/** What a shell expects of a program that a signal ended: this and the signal's number. */
const ENDED_BY_SIGNAL = 128

const run = (args: ReadonlyArray<string>) =>
  Effect.flatMap(rootFor(args), (root) => Command.runWith(root, { version: VERSION })(args))

/** Everything but the wizard, which asks questions that nobody in a script answers. */
const BUILT_INS = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]

/** Runs these arguments (without program and script) and answers with the exit code. */
export const main = (args: ReadonlyArray<string>): Effect.Effect<number, never, Stop | Command.Environment> => {
  const json = wantsJson(args)
  const surroundings = Layer.mergeAll(
    layerLog(json),
    CliOutput.layerPresenter(makePresenter(json)),
    CliConfig.layer({ builtIns: BUILT_INS })
  )
  const coded = run(args).pipe(
    Effect.as(0),
    Effect.catch((failure) => codeOf(failure, json)),
    Effect.catchCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.interrupt : codeOfUnforeseen(cause, json)))
  )
  return Effect.raceFirst(coded, endedBySignal).pipe(Effect.provide(surroundings))
}

/** Whether `--json` is among the arguments, also where they make no sense otherwise: the complaint about them is for whoever asked. */
export const wantsJson = (args: ReadonlyArray<string>): boolean =>
  /(^|\n)--json(=(true|yes|on|1|y))?(?!\n(false|no|off|0|n)(\n|$))(\n|$)/.test(flagsOf(args).join("\n"))

/** Whether stack traces are asked for: `--log-level debug`, or one that shows even more. */
export const wantsStacks = (args: ReadonlyArray<string>): boolean =>
  /(^|\n)--log-level[=\n](debug|trace|all)(\n|$)/i.test(flagsOf(args).join("\n"))

const flagsOf = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const operands = args.indexOf("--")
  return operands === -1 ? args : args.slice(0, operands)
}

const codeOf = (
  failure: CliError.CliError | AlreadyTold | CliFailure | KnownFailure | SqlError.SqlError,
  json: boolean
): Effect.Effect<number> => {
  // The presenter has told it, be it help that was asked for or a complaint.
  if (CliError.isCliError(failure)) {
    return Effect.succeed(failure._tag === "ShowHelp" && failure.errors.length === 0 ? 0 : 1)
  }
  if (failure._tag === "AlreadyTold") return Effect.succeed(1)
  const words = failure._tag === "SqlError" ? unforeseen(failure) : inWords(failure)
  return Effect.as(tellFailure(words, json), 1)
}

const codeOfUnforeseen = (cause: Cause.Cause<never>, json: boolean): Effect.Effect<number> =>
  Effect.logDebug("unforeseen", cause).pipe(
    Effect.andThen(tellFailure(unforeseen(Cause.squash(cause)), json)),
    Effect.as(1)
  )

/** Ends the command when a stop is wished for, unless the command has taken it upon itself to end gracefully. */
const endedBySignal = Effect.gen(function* () {
  const stop = yield* Stop
  const signal = yield* stop.requested
  return (yield* stop.isInCharge) ? yield* Effect.never : ENDED_BY_SIGNAL + signal
})
