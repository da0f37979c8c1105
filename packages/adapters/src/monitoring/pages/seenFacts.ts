/** What the last decision saw. */
import { type DecisionRecord, factsInWords } from "@countersign/domain"
import { type Html, html, instant, named } from "../Html.ts"

/** The facts, each with its source. */
export const seenFacts = (record: DecisionRecord): Html => html`
<section aria-labelledby="facts"><h2 id="facts">What the decision saw</h2>
<p class="quiet">At ${instant(record.decidedAtMillis)}, before attempt ${record.attempt}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Facts with their sources"><table class="plain"><thead><tr><th scope="col">Fact</th><th scope="col">Seen</th><th scope="col">Source</th></tr></thead>
<tbody>${factsInWords(record).map(
  ({ about, seen, source }) =>
    html`<tr><th scope="row">${about}</th><td>${named(seen)}</td><td class="quiet">${source === null ? "–" : named(source)}</td></tr>`
)}</tbody></table></div></section>`
