/** Audit records for machines. */
import type { NumberedRecord } from "@countersign/domain"
import type { Schema } from "effect"
import { auditAsJson } from "./runJson.ts"

/** A record by itself: where it stands, and which run it is about. */
export const numberedAsJson = ({ position, record }: NumberedRecord): Readonly<Record<string, Schema.Json>> => ({
  position,
  run_id: record.runId,
  workspace_id: record.workspaceId,
  tenant_id: record.tenantId,
  operation_type: record.operationType,
  ...auditAsJson(record)
})
