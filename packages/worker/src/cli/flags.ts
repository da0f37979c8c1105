/** The flags that every command takes. */
import { Flag, GlobalFlag } from "effect/cli"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

export const JsonFlag = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Results as JSON, one value a line; logs and errors as JSON on standard error")
  )
})

export const ConfigFlag = GlobalFlag.Setting("config")({
  flag: text("config", "FILE", "Settings file (else COUNTERSIGN_CONFIG, else countersign.json here if there is one)")
})

export const DatabaseFlag = GlobalFlag.Setting("database")({
  flag: text("database", "URL", "postgres://user:password@host:5432/name (else DATABASE_URL, else the settings file)")
})

export const DataFlag = GlobalFlag.Setting("data")({
  flag: text("data", "FOLDER", "Use an embedded PostgreSQL that keeps its data in this folder (else COUNTERSIGN_DATA)")
})

export const FactsSchemaFlag = GlobalFlag.Setting("facts-schema")({
  flag: text("facts-schema", "NAME", "Schema with views of your own for the facts (else COUNTERSIGN_FACTS_SCHEMA)")
})

export const SchemaFlag = GlobalFlag.Setting("schema")({
  flag: text("schema", "NAME", "PostgreSQL schema that holds the tables (else COUNTERSIGN_SCHEMA; default countersign)")
})

/** In the order in which help shows them. */
export const globalFlags = [JsonFlag, DatabaseFlag, DataFlag, SchemaFlag, FactsSchemaFlag, ConfigFlag] as const
