/** Codes and stored objects, folded away: the only place for them. Never a payload, never a result. */
import {
  type AuditRecord,
  type BoardRun,
  type DecisionRecord,
  onTheWire,
  type Run,
  wireStateOf
} from "@countersign/domain"
import { type Html, html, named } from "../Html.ts"

interface Known {
  readonly found: BoardRun
  readonly decisions: ReadonlyArray<DecisionRecord>
  readonly audit: ReadonlyArray<AuditRecord>
}

const codesOf = (run: Run): ReadonlyArray<readonly [string, string]> => {
  const { status, outcome } = wireStateOf[run._tag]
  const state: ReadonlyArray<readonly [string, string]> = [
    ["run", run.dispatch.id],
    ["operation_type", run.dispatch.subject.operationType],
    ["status", status],
    ["outcome", outcome],
    ["admission", String(run.admission)]
  ]
  if (run._tag === "Blocked") {
    const { code, detail, about } = run.failure
    return [
      ...state,
      ["reason_code", code],
      ["detail_code", about === null ? detail : `${detail} (${about})`],
      ["denial_class", run.legitimacy.denial_class ?? ""]
    ]
  }
  if (run._tag === "Failed") return [...state, ["failure", run.failure.code]]
  if (run._tag === "Queued" && run.held !== null)
    return [...state, ["held", `${run.held.failure.code} ${run.held.failure.detail}`]]
  return state
}

const json = (value: unknown): Html => html`<pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`

const decisionOf = ({ id, attempt, admission, epoch, snapshot, decision }: DecisionRecord): Html => html`
<h3>Decision ${id}</h3><p class="quiet">attempt ${attempt}, admission ${admission}, epoch ${epoch ?? "none"}</p>${json(onTheWire(snapshot.subject, decision))}`

const LATEST = 5

/** The fold. */
export const diagnostics = ({ found: { run }, decisions, audit }: Known): Html => html`
<details class="diagnostics"><summary>Diagnostics</summary>
<dl class="codes">${codesOf(run).map(([name, value]) => html`<div><dt>${name}</dt><dd><code>${named(value)}</code></dd></div>`)}</dl>
${decisions.slice(-LATEST).toReversed().map(decisionOf)}
<h3>Audit record</h3>
${json(audit.slice(-LATEST * LATEST).map(({ occurredAtMillis, action, outcome, attempt, admission, decisionId, code }) => ({ at: new Date(occurredAtMillis).toISOString(), action, outcome, attempt, admission, decision: decisionId, code })))}
</details>`
