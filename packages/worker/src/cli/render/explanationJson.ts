/** Why a run would start or not, for machines. */
import { describeChange, dispatchAgainInWords, Explanation, onTheWire } from "@countersign/domain"
import { Schema } from "effect"
import type { ExplainedRun } from "../../Inspection.ts"
import { verdictAsJson } from "./runJson.ts"
import { iso } from "./words.ts"

const encodeFact = Schema.encodeSync(Schema.toCodecJson(Explanation.fields.failing))

/** One object; `execution_legitimacy` is null when nothing was ever decided about the run. */
export const explanationAsJson = ({ run, basis, explanation, takenAtMillis }: ExplainedRun): Schema.Json => ({
  ...verdictAsJson(run, []),
  basis,
  taken_at: takenAtMillis === null ? null : iso(takenAtMillis),
  execution_legitimacy: explanation && { ...onTheWire(run.dispatch.subject, explanation.decision) },
  failing: explanation && encodeFact(explanation.failing),
  remedy:
    explanation === null || explanation.remedy._tag === "NotNeeded"
      ? null
      : explanation.remedy._tag === "DispatchAgain"
        ? { dispatch_again: dispatchAgainInWords(explanation.remedy.failure) }
        : {
            changes: explanation.remedy.changes.map((change) => ({ ...change, in_words: describeChange(change) }))
          }
})
