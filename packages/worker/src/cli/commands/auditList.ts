/** `countersign audit list`: the newest records first. */
import { type AuditFilter, AuditLog, type AuditOutcome, type NumberedRecord, type Tone } from "@countersign/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { answer, tell } from "../Reply.ts"
import { numberedAsJson } from "../render/auditJson.ts"
import { printable, type Style } from "../render/Style.ts"
import { cell, renderTable } from "../render/table.ts"
import { inUtc } from "../render/words.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { auditFilterFlags, auditFilterFrom } from "./auditFilter.ts"
import { limitFlag } from "./listing.ts"

const flags = { ...auditFilterFlags, limit: limitFlag(20) }

/** So many of the newest that fit: a page may hold fewer although there are more. */
const newest = Effect.fnUntraced(function* (filter: AuditFilter) {
  const audit = yield* AuditLog
  const found: Array<NumberedRecord> = []
  for (let after = filter.after; ; ) {
    const limit = filter.limit - found.length
    const page = yield* audit.page({ ...filter, limit, ...(after === undefined ? {} : { after }) })
    yield* Effect.forEach(page.unreadable, ({ message }) => Effect.logWarning(printable(message)), { discard: true })
    found.push(...page.records)
    if (page.next === null || found.length >= filter.limit) return { found, isMore: page.next !== null }
    after = page.next
  }
})

const toneOf: Readonly<Record<AuditOutcome, Tone>> = {
  success: "success",
  failed: "danger",
  partial: "warning",
  info: "neutral",
  blocked: "warning"
}

const tableOf = (records: ReadonlyArray<NumberedRecord>, style: Style): ReadonlyArray<string> =>
  records.length === 0
    ? ["No records."]
    : renderTable(
        {
          columns: ["Position", "Occurred (UTC)", "Action", "Outcome", "Actor", "Operation", "Run", "Code"],
          rows: records.map(({ position, record }) => [
            cell(String(position)),
            cell(inUtc(record.occurredAtMillis)),
            cell(record.action),
            cell(record.outcome, toneOf[record.outcome]),
            cell(record.actorName ?? record.actorId ?? record.actorKind),
            cell(record.operationType),
            cell(record.runId),
            cell(record.code ?? "–")
          ])
        },
        style
      )

/** The command. */
export const auditList = Command.make("list", flags, ({ limit, ...given }) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const filter = yield* auditFilterFrom(given)
      const { found, isMore } = yield* withStore(settings, newest({ ...filter, order: "newest_first", limit }))
      yield* answer({
        json: () => found.map(numberedAsJson),
        text: (style) => tableOf(found, style)
      })
      const last = found.at(-1)
      if (isMore && last !== undefined) yield* tell(`There may be more: add --after ${last.position}`)
    })
  )
).pipe(
  Command.withShortDescription("List audit records, the newest first"),
  Command.withDescription("List audit records, the newest first: one for each decision and each transition."),
  Command.withExamples([
    { command: "countersign audit list --outcome blocked", description: "What was blocked lately" },
    { command: "countersign audit list --workspace north --from 2026-01-01 --limit 100" },
    { command: "countersign audit list --run 0190163d-8694-739b-aea5-966c26f8ad91 --json" }
  ])
)
