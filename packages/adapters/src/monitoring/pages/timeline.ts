/** What happened to a run, as it was recorded. */
import {
  type AuditOutcome,
  type AuditRecord,
  type DecisionRecord,
  describeAudit,
  reasonInWords,
  type Tone
} from "@countersign/domain"
import { asSentence, type Html, html, instant, NOTHING, named } from "../Html.ts"

const tones: Readonly<Record<AuditOutcome, Tone>> = {
  success: "success",
  failed: "danger",
  partial: "warning",
  info: "neutral",
  blocked: "warning"
}

const KINDS: Readonly<Record<AuditRecord["actorKind"], string>> = {
  human: "a person",
  system: "the system",
  scheduled: "the schedule",
  integration: "an integration"
}

const reason = ({ action, decisionId }: AuditRecord, decisions: ReadonlyArray<DecisionRecord>): Html => {
  const record = action === "run.decided" ? decisions.find(({ id }) => id === decisionId) : undefined
  return record?.decision._tag === "Denied"
    ? html` <span>– ${named(reasonInWords(record.decision.failure).reason)}</span>`
    : NOTHING
}

const MOST = 200

/** The line of time, oldest first; of a very long one the latest part. */
export const timeline = (audit: ReadonlyArray<AuditRecord>, decisions: ReadonlyArray<DecisionRecord>): Html => {
  const shown = audit.slice(-MOST)
  const left = audit.length - shown.length
  const attempts = new Set(audit.map(({ attempt }) => attempt)).size
  return html`<section aria-labelledby="timeline"><h2 id="timeline">What happened</h2>
${left === 0 ? NOTHING : html`<p class="quiet">The first ${left} entries are left out.</p>`}
<ol class="timeline">${shown.map(
    (
      record
    ) => html`<li class="tone-${tones[record.outcome]}"><p>${asSentence(describeAudit(record))}${reason(record, decisions)}</p>
<p class="quiet">${instant(record.occurredAtMillis)} · ${named(record.actorName ?? record.actorId ?? KINDS[record.actorKind])}${
      attempts > 1 ? html` · attempt ${record.attempt}` : NOTHING
    }</p></li>`
  )}</ol></section>`
}
