/** The payload of a dispatch: JSON on the command line, in a file, or on standard input. */
import { Effect, Schema, Stdio } from "effect"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"
import { READ_MAX_BYTES, textOf, textOfFile } from "../TextSource.ts"

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** The JSON value that `given` stands for: `@FILE` reads a file, `-` standard input. */
export const payloadFrom = Effect.fn("payloadFrom")(function* (
  given: string
): Effect.fn.Return<unknown, CliFailure, Stdio.Stdio> {
  const text = given === "-" ? yield* fromStdin : given.startsWith("@") ? yield* fromFile(given.slice(1)) : given
  return yield* Effect.mapError(parse(text), () =>
    cliFailure("payload.invalid_json", `the payload ${quoted(text)} is not valid JSON`, ADVICE)
  )
})

const ADVICE = `quote it for your shell, as in --payload '{"scope":"all"}', or put it into a file: --payload @payload.json`

const tooLarge = () =>
  cliFailure("payload.too_large", `the payload has more than ${READ_MAX_BYTES} bytes`, "pass a reference to it instead")

const fromFile = (file: string) =>
  textOfFile(file, {
    tooLarge,
    unreadable: (isMissing) =>
      cliFailure(
        "payload.unreadable",
        `the payload's file ${quoted(file)} ${isMissing ? "does not exist" : "cannot be read"}`,
        "check the path after the @, and that it is a file you may read"
      )
  })

const fromStdin = Effect.flatMap(Stdio.Stdio, ({ stdin }) => textOf(stdin, tooLarge)).pipe(
  Effect.catchTag("PlatformError", () =>
    Effect.fail(
      cliFailure("payload.unreadable", "the payload could not be read from standard input", "give it as --payload JSON")
    )
  )
)
