/** What a withdrawal would mean, for machines. */
import { type Impact, initiatorOf, type Outlook, type Withdrawal } from "@countersign/domain"
import type { Schema } from "effect"
import type { ImpactReport, QueuedWork } from "../../Impact.ts"
import type { ScheduleImpactReport } from "../../ScheduleImpact.ts"
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
  runs: report.affected.map(runAsJson),
  schedules: schedulesAsJson(report.schedules)
})

/** `affected` are those whose next run would not just start; `of_the_person` go on without them. */
const schedulesAsJson = ({ active, undeclared, affected, ofThePerson }: ScheduleImpactReport): Schema.Json => ({
  active,
  undeclared,
  affected: affected.map(({ about: { id, subject }, kind, now, after }) => ({
    id,
    type: subject.operationType,
    workspace_id: subject.scope.workspaceId,
    tenant_id: subject.scope.tenantId,
    provider_connection_id: subject.scope.providerConnectionId,
    impact: kind,
    now: outlookAsJson(now),
    after: outlookAsJson(after)
  })),
  of_the_person: ofThePerson.map(({ id, owner, createdBy }) => ({ id, owner: owner.id, created_by: createdBy.id }))
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
