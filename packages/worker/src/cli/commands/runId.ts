/** The id of a run as an argument. */
import { RunId } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { Argument } from "effect/cli"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"

/** The argument. */
export const runArgument = Argument.String("run").pipe(Argument.withDescription("The run's id"))

/** The id in this text, upper case and surrounding blanks allowed. */
export const runIdFrom = (text: string): Effect.Effect<RunId, CliFailure> =>
  Effect.mapError(Schema.decodeEffect(RunId)(text.trim().toLowerCase()), () =>
    cliFailure(
      "run.invalid_id",
      `${quoted(text)} is not a run's id`,
      "an id looks like 0190163d-8694-739b-aea5-966c26f8ad91; see `countersign runs list`"
    )
  )
