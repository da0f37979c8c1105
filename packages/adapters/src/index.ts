/** Effect layers for the domain's ports, one folder per technology. */
export * from "./digest/index.ts"
export * from "./email/index.ts"
export * as EmbeddedPostgres from "./embedded/EmbeddedPostgres.ts"
export * from "./host/index.ts"
export * from "./memory/index.ts"
export * from "./notices/index.ts"
export * from "./postgres/index.ts"
export * from "./webhook/index.ts"
