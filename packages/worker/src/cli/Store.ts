/** The database behind the commands: every port, and plain SQL, at the place the settings name. */
import {
  EmbeddedPostgres,
  layerPostgres,
  layerPostgresClient,
  type PostgresPorts,
  type SchemaName
} from "@countersign/adapters"
import type { StoreUnavailable } from "@countersign/domain"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import type { Place, Settings } from "./Settings.ts"

/** Why a store cannot be opened. */
export type StoreFailure = StoreUnavailable | CliFailure

type Client = Layer.Success<ReturnType<typeof EmbeddedPostgres.layer>>

/** The database alone, whatever its schema holds. */
export const layerClient = (place: Place): Layer.Layer<Client, StoreFailure> =>
  place._tag === "Server" ? layerPostgresClient({ url: place.url }) : layerEmbeddedClient(place.folder)

const layerEmbeddedClient = (folder: string | null) =>
  EmbeddedPostgres.layer(folder === null ? {} : { dataFolder: folder }).pipe(
    Layer.catchTag("EmbeddedPostgresUnavailable", ({ problem, advice }) =>
      Layer.effectContext<Client, CliFailure, never>(Effect.fail(cliFailure("database.embedded", problem, advice)))
    )
  )

/** Every port over a client whose database has the schema this program works with. */
export const layerStore = (schema: SchemaName, factsSchema: SchemaName = schema) =>
  layerPostgres({ schema, factsSchema })

/** The same, client included. */
export const layerStoreAt = (
  place: Place,
  { schema, factsSchema }: Pick<Settings, "schema" | "factsSchema">
): Layer.Layer<PostgresPorts | SqlClient.SqlClient, StoreFailure> =>
  layerStore(schema, factsSchema).pipe(Layer.provideMerge(layerClient(place)))

/** Where the data are, or what to do when nobody said. */
export const placeOf = ({ place }: Settings): Effect.Effect<Place, CliFailure> =>
  place === null
    ? Effect.fail(
        cliFailure(
          "settings.no_database",
          "no database is named",
          "set DATABASE_URL, give --database URL, or use an embedded one with --data FOLDER"
        )
      )
    : Effect.succeed(place)

/** Uses the store of these settings, and closes it. */
export const withStore = <A, E, R>(
  settings: Settings,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreFailure, Exclude<R, PostgresPorts | SqlClient.SqlClient>> =>
  Effect.flatMap(placeOf(settings), (place) => Effect.provide(use, layerStoreAt(place, settings)))
