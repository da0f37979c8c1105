/** Two invoices are to be sent; before a worker gets to them, one of the two people loses the permission. */
import { EmbeddedPostgres, layerPostgres, layerPostgresInbox, migrate } from "@countersign/adapters"
import { Catalogue, headlineOf, Operation } from "@countersign/domain"
import { Countersign, Handler, Worker } from "@countersign/worker"
import { Console, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"

// 1. Declare what can be done, and what it takes.
const sendInvoice = Operation.make({
  type: "invoice.send",
  capability: "invoice.send",
  payload: Schema.Struct({ invoice: Schema.String }),
  result: Schema.Void
})
const catalogue = Catalogue.make([sendInvoice])

// 2. Say how it is done. The handler is called only for a run that is legitimate at that very moment.
const handlers = [Handler.make(sendInvoice, ({ invoice }) => Console.log(`sending ${invoice}`))]

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const gate = yield* Countersign
  yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)`
  yield* sql`INSERT INTO countersign.users (id, name, disabled) VALUES ('ada', 'Ada', false), ('bob', 'Bob', false)`
  yield* sql`INSERT INTO countersign.roles (workspace_id, role) VALUES ('north', 'clerk')`
  yield* sql`INSERT INTO countersign.role_capabilities VALUES ('north', 'clerk', 'invoice.send')`
  yield* sql`INSERT INTO countersign.memberships VALUES ('north', 'ada', 'clerk'), ('north', 'bob', 'clerk')`
  yield* sql`CREATE TABLE invoices (id text PRIMARY KEY)`

  // 3. Dispatch inside your own transaction: the invoice and its run are stored together, or neither is.
  const send = (initiator: string, invoice: string) =>
    sql.withTransaction(
      sql`INSERT INTO invoices VALUES (${invoice})`.pipe(
        Effect.andThen(gate.dispatch({ operation: sendInvoice, payload: { invoice }, workspaceId: "north", initiator }))
      )
    )
  const runs = [yield* send("ada", "A-1"), yield* send("bob", "B-2")]

  // 4. Authority changes while the runs wait. 5. A worker gets to them.
  yield* sql`DELETE FROM countersign.memberships WHERE user_id = 'bob'`
  yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(Effect.provide(Worker.layer({ catalogue, handlers })))
  for (const { run } of runs) {
    yield* Console.log(`${JSON.stringify(run.dispatch.payload)}: ${headlineOf(yield* gate.find(run.dispatch.id))}`)
  }
})

const database = Layer.effectDiscard(migrate()).pipe(Layer.provideMerge(EmbeddedPostgres.layer({})))
const ports = Layer.mergeAll(layerPostgres(), layerPostgresInbox()).pipe(Layer.provideMerge(database))
await Effect.runPromise(program.pipe(Effect.provide(Layer.provideMerge(Countersign.layer({ catalogue }), ports))))
