/** Gives a command its way to answer, as the flag `--json` and the terminal ask for it. */
import { Config, Effect, Option, Stdio } from "effect"
import { JsonFlag } from "./flags.ts"
import { Reply } from "./Reply.ts"
import { styleFor } from "./render/Style.ts"

const environment = Config.all({
  NO_COLOR: Config.option(Config.String("NO_COLOR")),
  TERM: Config.option(Config.String("TERM"))
}).pipe(
  Config.map(({ NO_COLOR, TERM }) => ({ NO_COLOR: Option.getOrUndefined(NO_COLOR), TERM: Option.getOrUndefined(TERM) }))
)

const make = Effect.gen(function* () {
  const json = yield* JsonFlag
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdoutIsTerminal
  const env = yield* Effect.orDie(environment)
  return Reply.of({ json, style: styleFor({ isTerminal: isTerminal && !json, env }) })
})

/** Runs a command with its {@link Reply}. */
export const replying = <A, E, R>(command: Effect.Effect<A, E, R | Reply>) =>
  Effect.provideServiceEffect(command, Reply, make)
