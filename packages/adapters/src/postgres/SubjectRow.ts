/** What a run asks for, as columns of its row. */
import { type Authority, actorBound, type Subject, systemAuthority } from "@countersign/domain"
import type { RunRow } from "./RunRow.ts"
import { connectionOf, operationTypeOf, tenantOf, unreadable, userOf, workspaceOf } from "./readCells.ts"

/** The columns that say what a run asks for. */
export type SubjectRow = Pick<
  RunRow,
  "operation_type" | "authority_mode" | "initiator_id" | "workspace_id" | "tenant_id" | "provider_connection_id"
>

const authorityOf = ({ authority_mode, initiator_id }: SubjectRow): Authority => {
  if (authority_mode === "actor_bound" && initiator_id !== null) {
    return actorBound(userOf(initiator_id) ?? unreadable("initiator_id is not a name"))
  }
  if (authority_mode === "system_authority" && initiator_id === null) return systemAuthority
  return unreadable("authority_mode and initiator_id do not fit together")
}

/** The subject that these columns say. Throws where they make no sense together. */
export const subjectOf = (row: SubjectRow): Subject => ({
  operationType: operationTypeOf(row.operation_type) ?? unreadable("operation_type is not a name"),
  authority: authorityOf(row),
  scope: {
    workspaceId: workspaceOf(row.workspace_id) ?? unreadable("workspace_id is not a name"),
    tenantId: row.tenant_id === null ? null : (tenantOf(row.tenant_id) ?? unreadable("tenant_id is not a name")),
    providerConnectionId:
      row.provider_connection_id === null
        ? null
        : (connectionOf(row.provider_connection_id) ?? unreadable("provider_connection_id is not a name"))
  }
})
