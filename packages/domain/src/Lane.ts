/**
 * Lanes: runs of one operation for one tenant of one workspace stand one behind the other, lanes stand side by side. A queue that
 * gives each lane its turn lets nobody's flood starve anybody else.
 *
 * Contract section 8.
 */
import type { OperationType, TenantId, WorkspaceId } from "./Ids.ts"
import type { Subject } from "./Snapshot.ts"

/** Whose runs of which operation. The runs of a workspace that are for no tenant share a lane of their own. */
export interface Lane {
  readonly operationType: OperationType
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId | null
}

/** The lane in which a run waits. */
export const laneOf = ({ operationType, scope: { workspaceId, tenantId } }: Subject): Lane => ({
  operationType,
  workspaceId,
  tenantId
})

/** No name holds control characters, so that no two lanes have one key. */
const SEPARATOR = "\u001f"

/** One text for a lane, stable for ever: stores compute it too. */
export const laneKeyOf = ({ operationType, workspaceId, tenantId }: Lane): string =>
  [operationType, workspaceId, tenantId ?? ""].join(SEPARATOR)
