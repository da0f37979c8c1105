/** The ports over PostgreSQL. */
export { dispatchThrough, type Query } from "./DispatchThrough.ts"
export { workerGrants } from "./grants.ts"
export { layerPostgresInbox, PostgresInbox } from "./Inbox.ts"
export { layerPostgres, type PostgresOptions, type PostgresPorts } from "./layerPostgres.ts"
export { type Applied, CODE_VERSION, migrate, migrationScript } from "./Migrations.ts"
export { layerPostgresClient, type PostgresClientOptions } from "./PostgresClient.ts"
export { DEFAULT_SCHEMA, SchemaName } from "./SchemaName.ts"
export { incompleteInWords, type SchemaState, schemaDrift, schemaState } from "./SchemaState.ts"
