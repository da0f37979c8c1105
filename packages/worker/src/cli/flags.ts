/** The flags that every command takes. */
import { Flag, GlobalFlag } from "effect/cli"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

/** Whether machines read the results. */
export const JsonFlag = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Results as JSON, one value a line; logs and errors as JSON on standard error")
  )
})

/** The settings file. */
export const ConfigFlag = GlobalFlag.Setting("config")({
  flag: text("config", "FILE", "Settings file (else COUNTERSIGN_CONFIG, else countersign.json here if there is one)")
})

/** A server's address. */
export const DatabaseFlag = GlobalFlag.Setting("database")({
  flag: text("database", "URL", "postgres://user:password@host:5432/name (else DATABASE_URL, else the settings file)")
})

/** An embedded database's folder. */
export const DataFlag = GlobalFlag.Setting("data")({
  flag: text("data", "FOLDER", "Use an embedded PostgreSQL that keeps its data in this folder (else COUNTERSIGN_DATA)")
})

/** Where a host's own views answer for the facts. */
export const FactsSchemaFlag = GlobalFlag.Setting("facts-schema")({
  flag: text("facts-schema", "NAME", "Schema with views of your own for the facts (else COUNTERSIGN_FACTS_SCHEMA)")
})

/** Where our tables are. */
export const SchemaFlag = GlobalFlag.Setting("schema")({
  flag: text("schema", "NAME", "PostgreSQL schema that holds the tables (else COUNTERSIGN_SCHEMA; default countersign)")
})

/** In the order in which help shows them. */
export const globalFlags = [JsonFlag, DatabaseFlag, DataFlag, SchemaFlag, FactsSchemaFlag, ConfigFlag] as const
