/** A migrated database of one's own, on a server or embedded, with every port over it. */
import { layerPostgres, migrate, type PostgresOptions, type PostgresPorts } from "@countersign/adapters"
import type { AuthorityBook } from "@countersign/adapters/testing"
import type { StoreUnavailable } from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { layerPostgresAuthorityBook } from "./PostgresAuthorityBook.ts"

export type Clients = PgClient.PgClient | SqlClient.SqlClient
export type Ports = PostgresPorts

/** Whether the server knows `MERGE`, as all do from 15 on. */
export const knowsMerge = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{
    readonly version: number
  }>`SELECT current_setting('server_version_num')::integer AS version`
  return row !== undefined && row.version >= 150_000
})

/** Migrates the database of this client and puts the ports and the book of facts over it. */
export const layerPorts = <E>(
  client: Layer.Layer<Clients, E>,
  options: PostgresOptions = {}
): Layer.Layer<Ports | AuthorityBook | Clients, E | StoreUnavailable> =>
  Layer.merge(layerPostgres(options), layerPostgresAuthorityBook(options.schema)).pipe(
    Layer.provide(Layer.effectDiscard(migrate(options.schema))),
    Layer.provideMerge(client)
  )
