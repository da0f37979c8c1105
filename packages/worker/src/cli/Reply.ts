/**
 * What a command says: results on standard output, for people or as JSON lines; everything else is logged, on standard error.
 */
import { Console, Context, Effect, type Schema } from "effect"
import type { Style } from "./render/Style.ts"

/** How results are to look. */
export class Reply extends Context.Service<
  Reply,
  {
    /** Results as JSON, one value a line. */
    readonly json: boolean
    readonly style: Style
  }
>()("@countersign/worker/cli/Reply") {}

/** Prints a result: JSON lines for machines, or lines for people. */
export const answer = (result: {
  readonly json: () => ReadonlyArray<Schema.Json>
  readonly text: (style: Style) => ReadonlyArray<string>
}): Effect.Effect<void, never, Reply> =>
  Effect.gen(function* () {
    const { json, style } = yield* Reply
    const lines = json ? result.json().map((value) => JSON.stringify(value)) : result.text(style)
    if (lines.length > 0) yield* Console.log(lines.join("\n"))
  })

/** Tells people how it goes; machines are not told. */
export const tell = (line: string): Effect.Effect<void, never, Reply> =>
  Effect.flatMap(Reply, ({ json }) => (json ? Effect.logDebug(line) : Console.error(line)))
