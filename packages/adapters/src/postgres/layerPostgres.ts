/** Every port over one PostgreSQL database. */
import type {
  AuditLog,
  Entitlements,
  Events,
  Facts,
  Fence,
  Notices,
  Pauses,
  RunBoard,
  RunQueue,
  RunStore,
  Schedules,
  StoreUnavailable,
  UnitOfWork
} from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { layerAuditLog } from "./AuditLog.ts"
import { layerEntitlements } from "./Entitlements.ts"
import { layerEvents } from "./Events.ts"
import { layerFacts } from "./Facts.ts"
import { layerFence } from "./Fence.ts"
import { layerNotices } from "./Notices.ts"
import { layerPauses } from "./Pauses.ts"
import { layerRunBoard } from "./RunBoard.ts"
import { layerRunQueue } from "./RunQueue.ts"
import { layerRunStore } from "./RunStore.ts"
import { layerSchedules } from "./Schedules.ts"
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"
import { requireCurrentSchema } from "./SchemaState.ts"
import { layerUnitOfWork } from "./UnitOfWork.ts"

/** Where our tables are, and where facts are read from. */
export interface PostgresOptions {
  /** The schema of our tables; `countersign` unless given. */
  readonly schema?: SchemaName
  /** The schema facts are read from, if the host brings views of its own; see {@link layerFacts}. */
  readonly factsSchema?: SchemaName
}

/** Every port that is served by a database of ours. */
export type PostgresPorts =
  | AuditLog
  | Entitlements
  | Events
  | Facts
  | Fence
  | Notices
  | Pauses
  | RunBoard
  | RunQueue
  | RunStore
  | Schedules
  | UnitOfWork

/**
 * All ports over a database whose schema is the one this code works with; see `migrate`. Works on PostgreSQL 14 and later, and
 * unchanged on the embedded one, where everything shares one connection.
 *
 * Fails as `StoreUnavailable`: `schema_mismatch` when the schema is missing, older or newer, with the command that mends it.
 *
 * **Gotchas**
 *
 * A client of one's own has to begin its transactions as READ COMMITTED, or the fence is refused, and its `maxMessageSize` (16 MiB unless
 * given) has to hold the largest payload: a run that cannot be read stops every claim that comes to it. `layerPostgresClient` does both.
 */
export const layerPostgres = ({
  schema = DEFAULT_SCHEMA,
  factsSchema = schema
}: PostgresOptions = {}): Layer.Layer<PostgresPorts, StoreUnavailable, PgClient.PgClient | SqlClient.SqlClient> => {
  const names = namesOf(schema)
  return Layer.mergeAll(
    layerAuditLog(names),
    layerEntitlements(factsSchema),
    layerEvents(names),
    layerFacts(factsSchema),
    layerFence(names),
    layerNotices(names),
    layerRunBoard(names),
    layerPauses(names),
    layerRunQueue(names),
    layerRunStore(names),
    layerSchedules(names),
    layerUnitOfWork
  ).pipe(Layer.provide(Layer.effectDiscard(requireCurrentSchema(schema))))
}
