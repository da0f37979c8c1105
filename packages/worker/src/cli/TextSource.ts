/** Text from where it may never end: a file may be a pipe or a device, so what comes is counted, whatever size it says it has. */
import { createReadStream } from "node:fs"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Predicate, Stream } from "effect"

/** The most that is read of one file or of standard input, in bytes. */
export const READ_MAX_BYTES = 16 * 1024 * 1024

/** The whole text of a source; `tooLarge` as soon as there are more than {@link READ_MAX_BYTES}, and no further is read. */
export const textOf = <E, E2>(
  source: Stream.Stream<Uint8Array, E>,
  tooLarge: () => E2
): Effect.Effect<string, E | E2> =>
  Effect.suspend(() => {
    let bytes = 0
    return source.pipe(
      Stream.tap((chunk) => {
        bytes += chunk.length
        return bytes > READ_MAX_BYTES ? Effect.fail(tooLarge()) : Effect.void
      }),
      Stream.decodeText,
      Stream.mkString
    )
  })

/** What a file says, as far as {@link textOf} reads; `unreadable` is told whether there is no such file. */
export const textOfFile = <E>(
  file: string,
  { tooLarge, unreadable }: { readonly tooLarge: () => E; readonly unreadable: (isMissing: boolean) => E }
): Effect.Effect<string, E> =>
  textOf(
    NodeStream.fromReadable<Uint8Array, E>({
      evaluate: () => createReadStream(file),
      onError: (error) => unreadable(Predicate.hasProperty(error, "code") && error.code === "ENOENT")
    }),
    tooLarge
  )
