/** An id of the host's as an argument or a flag. */
import { Effect, Schema } from "effect"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"

/** The id that this text is. */
export const idFrom = <A>(schema: Schema.Codec<A, string>, text: string): Effect.Effect<A, CliFailure> =>
  Effect.mapError(Schema.decodeEffect(schema)(text), ({ message }) =>
    cliFailure("argument.invalid", `${quoted(text)} is not a valid id`, message.split("\n", 1)[0] ?? null)
  )
