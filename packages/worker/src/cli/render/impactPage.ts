/** What a withdrawal would mean, for people: how many runs, why, and the newest of them. */
import { type Impact, type ImpactKind, reasonInWords, type Tone, type Withdrawal } from "@countersign/domain"
import type { ImpactReport, QueuedWork } from "../../Impact.ts"
import type { ScheduleImpactReport } from "../../ScheduleImpact.ts"
import { printable, quoted, type Style } from "./Style.ts"
import { cell, renderTable } from "./table.ts"
import { inUtc } from "./words.ts"

/** In the order in which they are told, the withdrawal's own doing first. */
const kindsInWords: Readonly<Record<ImpactKind, { readonly text: string; readonly tone: Tone }>> = {
  would_be_blocked: { text: "would be blocked by it", tone: "warning" },
  would_be_held: { text: "would be held by it", tone: "warning" },
  blocked_now: { text: "would be blocked as things are", tone: "warning" },
  held_now: { text: "would be held as things are", tone: "warning" },
  unaffected: { text: "would start", tone: "success" }
}
const ORDER: ReadonlyArray<ImpactKind> = ["would_be_blocked", "would_be_held", "blocked_now", "held_now", "unaffected"]

/** The page, line by line; the table has at most `limit` runs. */
export const impactPage = (report: ImpactReport, limit: number, style: Style): ReadonlyArray<string> => [
  style.strong(headOf(report.withdrawal)),
  report.queued === 0 ? "Nothing is queued." : `Of ${runs(report.queued)} queued:`,
  ...summary(report).map(({ count, text, tone }) => `  ${String(count).padStart(7)}  ${style.tone(tone, text)}`),
  ...reasons(report.affected),
  ...table(report.affected, limit, style),
  ...schedules(report.schedules, limit, style),
  "",
  style.faint(`From the facts of ${inUtc(report.takenAtMillis)} UTC; they may have changed since.`)
]

const headOf = (withdrawal: Withdrawal | null): string => {
  switch (withdrawal?._tag) {
    case undefined:
      return "As things are"
    case "Actor":
      return `If the user ${quoted(withdrawal.userId)} were no longer a member, nor entitled to any tenant`
    case "Tenant":
      return `If the tenant ${quoted(withdrawal.tenantId)} were archived`
    case "Connection":
      return `If the provider connection ${quoted(withdrawal.connectionId)} were disabled`
  }
}

const runs = (count: number): string => (count === 1 ? "1 run" : `${count} runs`)

const summary = ({ counts, expired, undeclared, unreadable }: ImpactReport) => {
  const others = [
    { count: expired, text: "have waited past their limit and are given up", tone: "danger" },
    { count: undeclared, text: "are of operations this app does not declare", tone: "neutral" },
    { count: unreadable.length, text: "cannot be read", tone: "danger" }
  ] as const
  return [...ORDER.map((kind) => ({ count: counts[kind], ...kindsInWords[kind] })), ...others].filter(
    ({ count }) => count > 0
  )
}

/** The reason that the kind rests on: what the withdrawal brings about, or what is in the way already. */
const reasonOf = ({ kind, now, after }: Impact<unknown>): string => {
  const { decision } = kind === "blocked_now" || kind === "held_now" ? now : after
  return decision._tag === "Denied" ? reasonInWords(decision.failure).reason : ""
}

const reasons = (affected: ReadonlyArray<Impact<QueuedWork>>): ReadonlyArray<string> => {
  const counted = new Map<string, number>()
  for (const impact of affected) {
    const line = `${impact.about.subject.operationType}: ${reasonOf(impact)}`
    counted.set(line, (counted.get(line) ?? 0) + 1)
  }
  const lines = [...counted].sort(([, a], [, b]) => b - a)
  return lines.length === 0
    ? []
    : ["", "Why:", ...lines.map(([line, count]) => `  ${String(count).padStart(7)}  ${printable(line)}`)]
}

const schedules = ({ active, affected, ofThePerson }: ScheduleImpactReport, limit: number, style: Style) => {
  const rows = affected
    .slice(0, limit)
    .map((impact) => [
      cell(impact.about.id),
      cell(impact.about.subject.operationType),
      cell(impact.about.subject.scope.tenantId ?? "–"),
      cell(`${kindsInWords[impact.kind].text}: ${reasonOf(impact)}`, kindsInWords[impact.kind].tone)
    ])
  const more = affected.length - rows.length
  const names = ofThePerson.slice(0, limit).map(({ id }) => `  ${printable(id)}`)
  return [
    ...(rows.length === 0
      ? []
      : [
          "",
          `Of ${active === 1 ? "1 active schedule" : `${active} active schedules`}, by the next run:`,
          ...renderTable({ columns: ["Schedule", "Operation", "Tenant", "What becomes of it"], rows }, style)
        ]),
    ...(more === 0 ? [] : [style.faint(`and ${more} more: add --json for all of them`)]),
    ...(names.length === 0 ? [] : ["", "Made by them or theirs to answer for, and going on without them:", ...names]),
    ...(ofThePerson.length === names.length ? [] : [style.faint(`  and ${ofThePerson.length - names.length} more`)])
  ]
}

const table = (affected: ReadonlyArray<Impact<QueuedWork>>, limit: number, style: Style): ReadonlyArray<string> => {
  const shown = ORDER.flatMap((kind) => affected.filter((impact) => impact.kind === kind)).slice(0, limit)
  if (shown.length === 0) return []
  const rows = shown.map(({ about: { id, subject, initiatorName }, kind }) => [
    cell(id),
    cell(subject.operationType),
    cell(subject.scope.tenantId ?? "–"),
    cell(subject.authority._tag === "ActorBound" ? (initiatorName ?? subject.authority.initiator) : "the system"),
    cell(kindsInWords[kind].text, kindsInWords[kind].tone)
  ])
  const more = affected.length - shown.length
  return [
    "",
    ...renderTable({ columns: ["Run", "Operation", "Tenant", "Started by", "What becomes of it"], rows }, style),
    ...(more === 0 ? [] : [style.faint(`and ${more} more: add --json for all of them`)])
  ]
}
