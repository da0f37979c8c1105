/** Why a run would start or not, for people: the answer, every check that fails, and what would have to change. */
import {
  checkLabels,
  describeChange,
  dispatchAgainInWords,
  type FailingCheck,
  type Remedy,
  reasonInWords,
  targetOf
} from "@countersign/domain"
import type { ExplainedRun } from "../../Inspection.ts"
import { printable, type Style } from "./Style.ts"
import { checksInWords, inUtc } from "./words.ts"

/** The page, line by line. */
export const explanationPage = (
  { run, basis, explanation, takenAtMillis }: ExplainedRun,
  style: Style
): ReadonlyArray<string> => {
  const head = `${style.strong(printable(run.dispatch.subject.operationType))} for ${printable(targetOf(run))}`
  if (explanation === null) return [head, "Nothing was ever decided about this run."]
  const { decision, failing, remedy } = explanation
  const now = basis === "facts_of_now"
  const verdict =
    decision._tag === "Allowed"
      ? style.tone("success", now ? "Allowed — it would start now." : "Allowed — its last decision let it start.")
      : style.tone(
          "warning",
          printable(
            `${now ? "Denied — it would be blocked now" : "Denied"}: ${reasonInWords(decision.failure).reason}.`
          )
        )
  const marks = checksInWords(decision.checks).map(({ text, tone }) => style.tone(tone, text))
  const moment = takenAtMillis === null ? "" : ` ${inUtc(takenAtMillis)} UTC`
  return [
    head,
    verdict,
    `Checks  ${marks.join("   ")}`,
    ...failingLines(failing, style),
    ...remedyLines(remedy),
    "",
    style.faint(
      now ? `From the facts of${moment}; they may have changed since.` : `From what the decision of${moment} saw.`
    )
  ]
}

const failingLines = (failing: ReadonlyArray<FailingCheck>, style: Style): ReadonlyArray<string> =>
  failing.length === 0
    ? []
    : [
        "",
        "What fails, each on its own:",
        ...failing.flatMap(({ check, failure, fact }) => [
          `  ${checkLabels[check]}: ${printable(reasonInWords(failure).reason)}`,
          style.faint(`    known: ${printable(JSON.stringify(fact))}`)
        ])
      ]

const remedyLines = (remedy: Remedy): ReadonlyArray<string> => {
  switch (remedy._tag) {
    case "NotNeeded":
      return []
    case "ChangeFacts":
      return [
        "",
        "What would have to change:",
        ...remedy.changes.map((change) => `  ${printable(describeChange(change))}`)
      ]
    case "DispatchAgain":
      return ["", "No change of facts helps:", `  ${printable(dispatchAgainInWords(remedy.failure))}`]
  }
}
