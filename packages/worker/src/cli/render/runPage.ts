/** One run for people, in the order of contract section 9: what run, how it ended, why, what next; then details. */
import {
  type AuditRecord,
  type BadgeInWords,
  type DecisionRecord,
  describeAudit,
  describeScope,
  freshnessInWords,
  isCompleted,
  problemInWords,
  type Run,
  reasonInWords,
  standingOf,
  starterOf,
  stepsOf,
  type Tone,
  targetOf,
  type WaitingFor,
  whyOf
} from "@countersign/domain"
import type { InspectedRun } from "../../Inspection.ts"
import type { Wellbeing } from "../../Watching.ts"
import { printable, type Style } from "./Style.ts"
import { cell, renderTable } from "./table.ts"
import { checksInWords, inUtc } from "./words.ts"

/** The page, line by line. */
export const runPage = (
  { run, freshness, problemClass, decisions, audit }: InspectedRun,
  waiting: WaitingFor | null,
  style: Style
): ReadonlyArray<string> => [
  `${style.strong(printable(run.dispatch.subject.operationType))} for ${printable(targetOf(run))}`,
  style.faint(`run ${run.dispatch.id}`),
  "",
  headline(standingOf(run, waiting), style),
  ...labelled("Why", whyOf(run)),
  ...labelled("Waits for", waitingInWords(waiting)),
  ...labelled("Next", stepsOf(run, waiting)),
  ...labelled("Getting on", wellbeingOf({ freshness, problemClass })),
  ...checksLine(run, decisions, style),
  "",
  ...labelled("Started by", [starterOf(run)]),
  ...labelled("Slot", run.dispatch.slot === null ? [] : [`${inUtc(run.dispatch.slot.slotMillis)} UTC`]),
  ...labelled("Priority", [run.dispatch.priority]),
  ...labelled("Attempt", [`${run.attempt} of ${run.dispatch.maxAttempts}`]),
  ...labelled("Dispatched", [`${inUtc(run.dispatch.dispatchedAtMillis)} UTC`]),
  ...labelled("Started", run.startedAtMillis === null ? ["never"] : [`${inUtc(run.startedAtMillis)} UTC`]),
  ...labelled("Completed", isCompleted(run) ? [`${inUtc(run.completedAtMillis)} UTC`] : ["not yet"]),
  ...labelled(
    "Counted",
    Object.entries(run.counts).map(([name, count]) => `${name}: ${count}`)
  ),
  "",
  ...timeline(audit, style),
  ...diagnostics(run, decisions, style)
]

const headline = ([text, tone]: readonly [string, Tone], style: Style): string => style.tone(tone, printable(text))

const waitingInWords = (waiting: WaitingFor | null): ReadonlyArray<string> => {
  switch (waiting?._tag) {
    case undefined:
      return []
    case "Resume": {
      const { scope, by, sinceMillis } = waiting.pause
      return [`a resume: ${describeScope(scope)} is paused since ${inUtc(sinceMillis)} UTC, by ${by}`]
    }
    case "Facts":
      return ["facts that allow it"]
    case "Time":
      return [`its time: ${inUtc(waiting.atMillis)} UTC`]
    case "Turn":
      return ["its turn"]
  }
}

const LABEL_WIDTH = 12

/** Lines with a label before the first of them. */
export const labelled = (label: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.map((line, index) => `${(index === 0 ? label : "").padEnd(LABEL_WIDTH)}${printable(line)}`)

/** How it gets on, where that is more than that it is over. */
const wellbeingOf = ({ freshness, problemClass }: Wellbeing): ReadonlyArray<string> => [
  ...(freshness === "terminal_normal" ? [] : [inASentence(freshnessInWords[freshness])]),
  ...(problemClass === "none" ? [] : [inASentence(problemInWords[problemClass])])
]

const inASentence = ({ label, sentence }: BadgeInWords): string => `${label}: ${sentence}`

const checksLine = (run: Run, decisions: ReadonlyArray<DecisionRecord>, style: Style): ReadonlyArray<string> => {
  const checks = run._tag === "Blocked" ? run.legitimacy.checks : decisions.at(-1)?.decision.checks
  if (checks === undefined) return []
  const marks = checksInWords(checks).map(({ text, tone }) => style.tone(tone, text))
  return [`${"Checks".padEnd(LABEL_WIDTH)}${marks.join("   ")}`]
}

const timeline = (audit: ReadonlyArray<AuditRecord>, style: Style): ReadonlyArray<string> =>
  audit.length === 0
    ? []
    : renderTable(
        {
          columns: ["When (UTC)", "What", "Who", "Attempt"],
          rows: audit.map((record) => [
            cell(inUtc(record.occurredAtMillis)),
            cell(describeAudit(record), record.outcome === "blocked" ? "warning" : "neutral"),
            cell(record.actorName ?? record.actorId ?? record.actorKind),
            cell(String(record.attempt))
          ])
        },
        style
      )

/** The only place for codes. */
const diagnostics = (run: Run, decisions: ReadonlyArray<DecisionRecord>, style: Style): ReadonlyArray<string> => {
  const codes = [
    ...(run._tag === "Blocked"
      ? [`reason ${run.failure.code}, detail ${run.failure.detail}, class ${run.legitimacy.denial_class}`]
      : []),
    ...(run._tag === "Failed" ? [`failure ${run.failure.code}`] : []),
    ...decisions.map(
      ({ id, attempt, admission, decision, epoch }) =>
        `decision ${id}: attempt ${attempt}, admission ${admission}, epoch ${epoch ?? "none"}, ${
          decision._tag === "Allowed" ? "allowed" : `denied, ${reasonInWords(decision.failure).reason}`
        }`
    )
  ]
  return codes.length === 0 ? [] : ["", ...codes.map((line) => style.faint(printable(line)))]
}
