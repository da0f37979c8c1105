/** A notice as a row of `notices` or `inbox`. */
import { Notice } from "@countersign/domain"
import { Schema } from "effect"

/** The columns of a notice, as the driver gives them. */
export interface NoticeRow {
  readonly run_id: string
  readonly recipient: string
  readonly workspace_id: string
  readonly tenant_id: string | null
  readonly operation_type: string
  readonly outcome: string
  readonly title: string
  readonly message: string
  readonly next_steps: unknown
  readonly completed_at: Date
}

const decode = Schema.decodeUnknownEffect(Notice)

/** Reads a row; fails on one that was edited into nonsense. */
export const readNotice = (row: NoticeRow) =>
  decode({
    runId: row.run_id,
    recipient: row.recipient,
    workspaceId: row.workspace_id,
    tenantId: row.tenant_id,
    operationType: row.operation_type,
    outcome: row.outcome,
    title: row.title,
    message: row.message,
    nextSteps: row.next_steps,
    completedAtMillis: row.completed_at.getTime()
  })
