/** The five checks of the decision that counts, one after the other. */
import {
  CheckKey,
  type CheckValue,
  checkBadges,
  checkLabels,
  checks,
  type DecisionRecord,
  isCompleted,
  type Run
} from "@countersign/domain"
import { asSentence, type Html, html } from "../Html.ts"
import { type IconName, icon } from "../icons.ts"

const icons: Readonly<Record<CheckValue, IconName>> = {
  passed: "passed",
  failed: "stopped",
  not_applicable: "not_applicable"
}

const asks = new Map(checks.map(({ key, asks: question }) => [key, question]))

/** The strip; a sentence while nothing was decided. */
export const checkStrip = (run: Run, last: DecisionRecord | undefined): Html => {
  const values = run._tag === "Blocked" ? run.legitimacy.checks : last?.decision.checks
  const body =
    values === undefined
      ? html`<p class="quiet">${isCompleted(run) ? "Nothing was ever decided about this run: it ended before." : "Nothing is decided yet: the checks are made at the moment it is about to start."}</p>`
      : html`<ol class="checks">${CheckKey.literals.map((key) => {
          const { label, tone } = checkBadges[values[key]]
          return html`<li class="check tone-${tone}"><p class="check-name">${icon(icons[values[key]])}${asSentence(checkLabels[key])}</p>
<p class="check-value">${asSentence(label)}</p><p class="check-asks">${asks.get(key)}</p></li>`
        })}</ol>`
  return html`<section aria-labelledby="checks"><h2 id="checks">The five checks</h2>${body}</section>`
}
