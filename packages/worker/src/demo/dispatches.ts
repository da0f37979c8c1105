/** What the demo has done: six operations by six people, and the scheduled backup by nobody. All legitimate when dispatched. */
import type { UntypedDispatchRequest } from "../DispatchRequest.ts"
import {
  backupScheduleRun,
  directoryGroupSync,
  inventorySync,
  policyBulkDelete,
  providerConnectionCheck,
  restoreExecute
} from "../sample/operations.ts"
import type { Cast, PersonName, TenantName } from "./cast.ts"

/** One dispatch, and whom and what it is about in words. */
export interface DemoDispatch {
  readonly by: PersonName | null
  readonly tenant: TenantName
  readonly label: string
  readonly request: UntypedDispatchRequest
}

/** In the order of the demo's table. */
export const dispatches = (cast: Cast): ReadonlyArray<DemoDispatch> => {
  const target = (tenant: TenantName) => ({
    workspaceId: cast.workspace,
    tenantId: cast.tenant(tenant),
    providerConnectionId: cast.connection(tenant)
  })
  const dispatch = (
    { type, label }: { readonly type: string; readonly label: string },
    by: PersonName | null,
    tenant: TenantName,
    payload: unknown
  ): DemoDispatch => ({
    by,
    tenant,
    label,
    request: {
      ...(by === null
        ? { systemAuthority: true, actorKind: "scheduled" }
        : { initiator: cast.person(by), initiatorName: by }),
      ...target(tenant),
      operationType: type,
      payload
    }
  })
  return [
    dispatch(inventorySync, "Ada", "Contoso", { scope: "all" }),
    dispatch(inventorySync, "Ben", "Contoso", { scope: "laptops" }),
    dispatch(directoryGroupSync, "Cleo", "Fabrikam", {}),
    dispatch(providerConnectionCheck, "Dan", "Tailspin", {}),
    dispatch(restoreExecute, "Eve", "Wingtip", { backupId: "last-friday" }),
    dispatch(policyBulkDelete, "Finn", "Contoso", { policyIds: ["p-1", "p-2", "p-3"] }),
    dispatch(backupScheduleRun, null, "Contoso", {})
  ]
}
