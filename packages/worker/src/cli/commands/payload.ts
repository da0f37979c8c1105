/** The payload of a dispatch: JSON on the command line, in a file, or on standard input. */
import { createReadStream } from "node:fs"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Predicate, Schema, Stdio, Stream } from "effect"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"

/** The most that is read from a file or standard input, in bytes; a dispatcher takes far less. */
const READ_MAX_BYTES = 16 * 1024 * 1024

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

/** A file may be a pipe, or a device that never ends: what comes is counted, whatever size it says it has. */
const fromFile = (file: string) =>
  textOf(
    NodeStream.fromReadable<Uint8Array, CliFailure>({
      evaluate: () => createReadStream(file),
      onError: (error) =>
        cliFailure(
          "payload.unreadable",
          `the payload's file ${quoted(file)} ${isMissing(error) ? "does not exist" : "cannot be read"}`,
          "check the path after the @, and that it is a file you may read"
        )
    })
  )

const isMissing = (error: unknown): boolean => Predicate.hasProperty(error, "code") && error.code === "ENOENT"

const fromStdin = Effect.flatMap(Stdio.Stdio, ({ stdin }) => textOf(stdin)).pipe(
  Effect.catchTag("PlatformError", () =>
    Effect.fail(
      cliFailure("payload.unreadable", "the payload could not be read from standard input", "give it as --payload JSON")
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

const textOf = <E>(source: Stream.Stream<Uint8Array, E>): Effect.Effect<string, CliFailure | E> =>
  Effect.suspend(() => {
    let bytes = 0
    return source.pipe(
      Stream.tap((chunk) => {
        bytes += chunk.length
        return bytes > READ_MAX_BYTES ? tooLarge : Effect.void
      }),
      Stream.decodeText,
      Stream.mkString
    )
  })
