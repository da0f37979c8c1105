/** `countersign audit export`: the record as NDJSON, the oldest first, however long it is. */
import { type AuditFilter, AuditLog, type AuditPosition, type StoreUnavailable } from "@countersign/domain"
import { Clock, Effect, Option, Stdio, Stream } from "effect"
import { Command } from "effect/cli"
import { AlreadyTold } from "../CliFailure.ts"
import { outputClosed } from "../failures.ts"
import { tell } from "../Reply.ts"
import { numberedAsJson } from "../render/auditJson.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { auditFilterFlags, auditFilterFrom } from "./auditFilter.ts"

/** How many records are read at once. */
const PAGE = 1_000
/** How often people hear how far it has got. */
const TOLD_EVERY_MILLIS = 2_000

interface Progress {
  exported: number
  unreadable: number
  last: AuditPosition | null
  toldAtMillis: number
}

const pages = (filter: AuditFilter, progress: Progress) => {
  const page = (after: AuditPosition | undefined) =>
    Effect.gen(function* () {
      const audit = yield* AuditLog
      const { records, unreadable, next } = yield* audit.page(after === undefined ? filter : { ...filter, after })
      yield* Effect.forEach(unreadable, ({ message }) => Effect.logError(printable(message)), { discard: true })
      progress.exported += records.length
      progress.unreadable += unreadable.length
      progress.last = records.at(-1)?.position ?? progress.last
      yield* toldInTime(progress)
      const lines = records.map((one) => `${JSON.stringify(numberedAsJson(one))}\n`).join("")
      return [lines === "" ? [] : [lines], Option.fromNullOr(next)] as const
    })
  return Stream.paginate<AuditPosition | undefined, string, StoreUnavailable, AuditLog | TellsPeople>(
    filter.after,
    page
  )
}

type TellsPeople = Effect.Services<ReturnType<typeof tell>>

const toldInTime = Effect.fnUntraced(function* (progress: Progress) {
  const nowMillis = yield* Clock.currentTimeMillis
  if (nowMillis - progress.toldAtMillis < TOLD_EVERY_MILLIS) return
  progress.toldAtMillis = nowMillis
  yield* tell(`${progress.exported} records so far, up to position ${progress.last ?? 0}`)
})

/** The command. */
export const auditExport = Command.make("export", auditFilterFlags, (given) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const filter: AuditFilter = { ...(yield* auditFilterFrom(given)), order: "oldest_first", limit: PAGE }
      const stdio = yield* Stdio.Stdio
      const toldAtMillis = yield* Clock.currentTimeMillis
      const progress: Progress = { exported: 0, unreadable: 0, last: filter.after ?? null, toldAtMillis }
      // The sink takes a page only when the one before was taken: nothing piles up for a slow reader.
      yield* withStore(settings, Stream.run(pages(filter, progress), stdio.stdout({ endOnDone: false }))).pipe(
        Effect.catchTag("PlatformError", () => Effect.fail(outputClosed))
      )
      const goOn = progress.last === null ? "" : `; go on with --after ${progress.last}`
      yield* tell(`${progress.exported} records exported${goOn}`)
      if (progress.unreadable > 0) return yield* new AlreadyTold()
    })
  )
).pipe(
  Command.withShortDescription("Write the audit record as NDJSON"),
  Command.withDescription(
    "Write the audit record as NDJSON to standard output, one record a line in the order of writing; progress goes to standard error. A broken export is continued with --after and the position of its last line. For an archive without gaps, export spans of time that are over (--from, --before). Exit code 1 when a record cannot be read."
  ),
  Command.withExamples([
    { command: "countersign audit export > audit.ndjson" },
    { command: "countersign audit export --from 2026-01-01 --before 2026-02-01 | gzip > 2026-01.ndjson.gz" },
    { command: "countersign audit export --after 120000 >> audit.ndjson", description: "Where the last one ended" }
  ])
)
