/** The payload of a dispatch: JSON on the command line, in a file, or on standard input. */
import { Effect, FileSystem, Schema, Stdio, Stream } from "effect"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"

/** The most that is read from a file or standard input, in bytes; a dispatcher takes far less. */
const READ_MAX_BYTES = 16 * 1024 * 1024

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** The JSON value that `given` stands for: `@FILE` reads a file, `-` standard input. */
export const payloadFrom = Effect.fn("payloadFrom")(function* (
  given: string
): Effect.fn.Return<unknown, CliFailure, FileSystem.FileSystem | Stdio.Stdio> {
  const text = given === "-" ? yield* fromStdin : given.startsWith("@") ? yield* fromFile(given.slice(1)) : given
  return yield* Effect.mapError(parse(text), () =>
    cliFailure("payload.invalid_json", `the payload ${quoted(text)} is not valid JSON`, ADVICE)
  )
})

const ADVICE = `quote it for your shell, as in --payload '{"scope":"all"}', or put it into a file: --payload @payload.json`

const fromFile = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { size } = yield* fs.stat(file)
    return size > READ_MAX_BYTES ? yield* tooLarge : yield* fs.readFileString(file)
  }).pipe(
    Effect.catchTag("PlatformError", ({ reason }) =>
      Effect.fail(
        cliFailure(
          "payload.unreadable",
          `the payload's file ${quoted(file)} ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`
        )
      )
    )
  )

const tooLarge = Effect.suspend(() =>
  Effect.fail(
    cliFailure(
      "payload.too_large",
      `the payload has more than ${READ_MAX_BYTES} bytes`,
      "pass a reference to it instead"
    )
  )
)

const fromStdin = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  let bytes = 0
  return yield* stdio.stdin.pipe(
    Stream.tap((chunk) => {
      bytes += chunk.length
      return bytes > READ_MAX_BYTES ? tooLarge : Effect.void
    }),
    Stream.decodeText,
    Stream.mkString
  )
}).pipe(
  Effect.catchTag("PlatformError", () =>
    Effect.fail(cliFailure("payload.unreadable", "the payload could not be read from standard input"))
  )
)
