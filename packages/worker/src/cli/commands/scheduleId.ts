/** A schedule's id as an argument. */
import { ScheduleId } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { Argument } from "effect/cli"
import { cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"

/** The argument itself. */
export const scheduleArgument = Argument.String("schedule").pipe(Argument.withDescription("The schedule's id"))

/** The id that this text is. */
export const scheduleIdFrom = (text: string) =>
  Effect.mapError(Schema.decodeEffect(ScheduleId)(text), ({ message }) =>
    cliFailure("argument.invalid", `${quoted(text)} is not a valid id`, message.split("\n", 1)[0] ?? null)
  )
