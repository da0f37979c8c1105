/**
 * What pages about runs walk along. Each index holds a run only once it has arrived somewhere for good, or while it waits: starting
 * a run writes to none of them.
 */
import type { Names } from "../SchemaName.ts"

/** The statements of this migration, in order. */
export const statements = ({ q }: Names): ReadonlyArray<string> => [
  `CREATE INDEX runs_queued_in_workspace ON ${q}.runs (workspace_id, id) WHERE status = 'queued'`,
  `CREATE INDEX runs_ended_unwell ON ${q}.runs (workspace_id, outcome, id)
  WHERE outcome IN ('partially_succeeded', 'blocked', 'failed', 'cancelled')`,
  `CREATE INDEX runs_ended_lately ON ${q}.runs (workspace_id, completed_at) WHERE status = 'completed'`,
  `CREATE INDEX runs_ended_of_tenant ON ${q}.runs (workspace_id, tenant_id, id) WHERE status = 'completed'`
]
