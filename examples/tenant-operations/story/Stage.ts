/** Where the story plays: the host with its database inside this process, a folder for backups, and a provider to try things on. */
import { EmbeddedPostgres, layerPostgres, layerPostgresInbox, migrate, SchemaName } from "@countersign/adapters"
import { Catalogue, type Operation, type Run } from "@countersign/domain"
import { Countersign, Worker } from "@countersign/worker"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, FileSystem, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Vault } from "../backups/Vault.ts"
import { FACTS_SCHEMA } from "../host/authority.ts"
import { install } from "../host/install.ts"
import { handlers, operations } from "../operations/index.ts"
import { Connectors } from "../provider/Connector.ts"
import { type FakeProvider, startFakeProvider } from "../provider/FakeProvider.ts"
import { type Customer, connectorOf, emailOf, introduce, PARTNER, type Person } from "./cast.ts"

const catalogue = Catalogue.make(operations)

/** What the story needs at hand. */
export class Stage extends Context.Service<
  Stage,
  {
    readonly provider: FakeProvider
    /** Where the backups are. */
    readonly folder: string
  }
>()("tenant-operations/Stage") {}

const stage = Layer.effect(
  Stage,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "tenant-operations-" })
    return { provider: yield* startFakeProvider(), folder }
  })
)

const vault = Layer.unwrap(Effect.map(Stage, ({ folder }) => Vault.layer(folder)))

const database = Layer.effectDiscard(Effect.andThen(migrate(), install)).pipe(
  Layer.provideMerge(EmbeddedPostgres.layer({}))
)

const ports = Layer.merge(layerPostgres({ factsSchema: SchemaName.make(FACTS_SCHEMA) }), layerPostgresInbox())

const cast = Layer.effectDiscard(Effect.flatMap(Stage, ({ provider }) => introduce(provider)))

/** Everything, with the cast in place; all of it is gone with the layer. */
export const layerStage = Layer.mergeAll(Countersign.layer({ catalogue }), Connectors.layer, vault, cast).pipe(
  Layer.provideMerge(ports),
  Layer.provideMerge(database),
  Layer.provideMerge(stage),
  Layer.provideMerge([FetchHttpClient.layer, NodeServices.layer])
)

/** Dispatches for a customer, on a person's authority, or on the system's where nobody is named. */
export const dispatch = Effect.fnUntraced(function* <Payload>(
  by: Person | "the schedule",
  operation: Operation<Payload, unknown>,
  customer: Customer,
  payload: Payload
) {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({
    ...(by === "the schedule"
      ? { systemAuthority: true, actorKind: "scheduled" }
      : { initiator: emailOf(by), initiatorName: by }),
    operation,
    payload,
    workspaceId: PARTNER,
    tenantId: customer,
    providerConnectionId: connectorOf(customer)
  })
  return run
})

/** Has a worker do everything there is; answers the runs as they are then. */
export const work = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>) {
  yield* Effect.flatMap(Worker, ({ drained }) => drained).pipe(
    Effect.provide(Worker.layer({ catalogue, handlers, pollMillis: 50 }))
  )
  const gate = yield* Countersign
  return yield* Effect.forEach(runs, ({ dispatch: { id } }) => gate.find(id))
})
