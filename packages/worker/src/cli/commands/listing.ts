/** What the commands that list things have in common. */
import { Effect, Option, type Schema } from "effect"
import { Flag } from "effect/cli"
import type { CliFailure } from "../CliFailure.ts"
import { idFrom } from "./id.ts"

/** The most that one listing gives. */
export const LIMIT_MAX = 1_000

/** At most so many. */
export const limitFlag = (unlessGiven: number) =>
  Flag.Int("limit").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`At most so many, 1 to ${LIMIT_MAX}; ${unlessGiven} unless given`),
    Flag.filter(
      (limit) => limit >= 1 && limit <= LIMIT_MAX,
      (limit) => `must be from 1 to ${LIMIT_MAX}, is ${limit}`
    ),
    Flag.withDefault(unlessGiven)
  )

/** The id that a flag names; undefined when it was not given. */
export const named = <A>(
  schema: Schema.Codec<A, string>,
  given: Option.Option<string>
): Effect.Effect<A | undefined, CliFailure> => (Option.isNone(given) ? Effect.undefined : idFrom(schema, given.value))
