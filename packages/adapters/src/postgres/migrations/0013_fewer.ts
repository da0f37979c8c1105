/**
 * An index less while a run waits and starts. What a workspace has waiting has an index of its own (migration 8), and what is running is
 * little; the one of everything is needed for what has ended alone.
 */
import type { Names } from "../SchemaName.ts"

/** The statements of this migration, in order. */
export const statements = ({ q }: Names): ReadonlyArray<string> => [
  `CREATE INDEX runs_ended_in_workspace ON ${q}.runs (workspace_id, id) WHERE status = 'completed'`,
  `DROP INDEX ${q}.runs_by_workspace`
]
