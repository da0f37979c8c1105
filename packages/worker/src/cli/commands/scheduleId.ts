/** A schedule's id as an argument. */
import { ScheduleId } from "@countersign/domain"
import { Argument } from "effect/cli"
import { idFrom } from "./id.ts"

/** The argument itself. */
export const scheduleArgument = Argument.String("schedule").pipe(Argument.withDescription("The schedule's id"))

/** The id that this text is. */
export const scheduleIdFrom = (text: string) => idFrom(ScheduleId, text)
