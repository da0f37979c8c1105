/** What a withdrawal would mean, for machines. */
import { type Impact, initiatorOf, type Outlook, type Withdrawal } from "@countersign/domain"
import type { Schema } from "effect"
import type { ImpactReport, QueuedWork } from "../../Impact.ts"
import { iso } from "./words.ts"

/** One object; `runs` are those that would not just start, the newest first. */
export const impactAsJson = (report: ImpactReport): Schema.Json => ({
  withdrawal: report.withdrawal === null ? null : withdrawalAsJson(report.withdrawal),
  taken_at: iso(report.takenAtMillis),
  queued: report.queued,
  ...report.counts,
  expired: report.expired,
  undeclared: report.undeclared,
  unreadable: report.unreadable.map(({ runId }) => runId),
  runs: report.affected.map(runAsJson)
})

const withdrawalAsJson = (withdrawal: Withdrawal): Schema.Json => {
  switch (withdrawal._tag) {
    case "Actor":
      return { actor: withdrawal.userId }
    case "Tenant":
      return { tenant: withdrawal.tenantId }
    case "Connection":
      return { connection: withdrawal.connectionId }
  }
}

const runAsJson = ({ about: { id, subject }, kind, now, after }: Impact<QueuedWork>): Schema.Json => ({
  id,
  type: subject.operationType,
  initiator: initiatorOf(subject.authority),
  workspace_id: subject.scope.workspaceId,
  tenant_id: subject.scope.tenantId,
  provider_connection_id: subject.scope.providerConnectionId,
  impact: kind,
  now: outlookAsJson(now),
  after: outlookAsJson(after)
})

const outlookAsJson = ({ decision, fate }: Outlook): Schema.Json => ({
  fate,
  reason_code: decision._tag === "Denied" ? decision.failure.code : null,
  detail_code: decision._tag === "Denied" ? decision.failure.detail : null
})
