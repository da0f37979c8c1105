/** The PostgreSQL schema that holds everything of ours, and the names that follow from it. */
import { Schema } from "effect"

/** Letters, digits and underscores, at most 40: short enough that every name derived from it stays a legal identifier. */
export const SchemaName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,39}$/, {
    expected: "a schema name of at most 40 letters, digits and underscores that does not begin with a digit"
  })
).pipe(Schema.brand("SchemaName"))
export type SchemaName = typeof SchemaName.Type

/** Used when nothing else is said. */
export const DEFAULT_SCHEMA: SchemaName = SchemaName.make("countersign")

/** What a schema's name stands for in SQL texts. */
export interface Names {
  readonly schema: SchemaName
  /** The schema as an identifier, quoted: write `${q}.runs`. */
  readonly q: string
  /** The channel on which the arrival of work is told. */
  readonly channel: string
  /**
   * SQL expressions of type `integer`: the classes of our advisory locks. They follow from the schema's name, so that two
   * schemas in one database do not meet.
   */
  readonly locks: {
    /** One lock for each workspace whose authority is changed or believed. */
    readonly workspaces: string
    /** One lock for each person or tenant through whom a change reaches workspaces. */
    readonly links: string
    /** One lock for each of the two classes above, for changes that reach too many to lock one by one. */
    readonly whole: string
    /** One lock for each counter of running runs that has a limit. */
    readonly counters: string
    /** One lock, held while migrations run. */
    readonly migrations: string
  }
}

/** The names of a schema; pure text, nothing is asked of a database. */
export const namesOf = (schema: SchemaName): Names => {
  const lock = (name: string) => `pg_catalog.hashtext('${schema}/${name}')`
  return {
    schema,
    q: `"${schema}"`,
    channel: `${schema}_work`,
    locks: {
      workspaces: lock("workspaces"),
      links: lock("links"),
      whole: lock("whole"),
      counters: lock("counters"),
      migrations: lock("migrations")
    }
  }
}
