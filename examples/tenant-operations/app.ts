/**
 * The host as an app for the command line: `countersign work --app examples/tenant-operations/app.ts --facts-schema msp_authority`.
 * The handlers have a connection to the host's database of their own; the worker has another.
 */
import { defineApp } from "@countersign/worker"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Vault } from "./backups/Vault.ts"
import { handlers, operations } from "./operations/index.ts"
import { Connectors } from "./provider/Connector.ts"

const database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })
const vault = Layer.unwrap(
  Effect.map(Config.String("BACKUP_FOLDER").pipe(Config.withDefault("./backups")), Vault.layer)
)

export default defineApp({
  operations,
  handlers,
  layer: Layer.merge(Connectors.layer, vault).pipe(
    Layer.provide([FetchHttpClient.layer, NodeServices.layer]),
    Layer.provideMerge(database)
  )
})
