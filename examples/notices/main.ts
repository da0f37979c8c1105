/** A run is blocked: the person who started it hears of it, and so does whoever operates the workspace. */
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"
import {
  EmbeddedPostgres,
  layerAll,
  layerEventWebhooks,
  layerPostgres,
  layerPostgresInbox,
  layerWebhook,
  migrate
} from "@countersign/adapters"
import { Catalogue, Events, Operation, SecretName, SubscriptionId } from "@countersign/domain"
import { Countersign, deliverDueEvents, Handler, Worker } from "@countersign/worker"
import { Clock, Console, Effect, Layer, Redacted, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { Webhook } from "standardwebhooks"

// The receiver: it believes a message only when its signature is right, and remembers ids, because a message may come twice.
const secret = `whsec_${randomBytes(32).toString("base64")}`
const seen = new Set<string>()
const received: Array<string> = []
const Message = Schema.Struct({ type: Schema.String, data: Schema.Struct({ title: Schema.String }) })

const receiver = createServer(async (request, response) => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  try {
    const verified = new Webhook(secret).verify(Buffer.concat(chunks), headers)
    const { type, data } = Schema.decodeUnknownSync(Message)(verified)
    const id = headers["webhook-id"] ?? ""
    if (!seen.has(id)) received.push(`${type}: ${data.title}`)
    seen.add(id)
    response.writeHead(204).end()
  } catch {
    response.writeHead(400).end()
  }
})
receiver.listen(0, "127.0.0.1")
await once(receiver, "listening")
const address = receiver.address()
const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hook`

const sendInvoice = Operation.make({
  type: "invoice.send",
  payload: Schema.Struct({ invoice: Schema.String }),
  result: Schema.Void
})
const catalogue = Catalogue.make([sendInvoice])
const handlers = [Handler.make(sendInvoice, ({ invoice }) => Console.log(`sending ${invoice}`))]

// Notices to the person who started the run: to every one of these channels, each until it has taken them.
const channels = layerAll({
  inbox: layerPostgresInbox(),
  webhook: layerWebhook({ url, secrets: [Redacted.make(secret)] })
})

// Events for whoever operates: to those who subscribed, signed with the secret of the name they gave.
const events = layerEventWebhooks((name) => Effect.succeed(name === "OPS" ? [Redacted.make(secret)] : []))

const subscribe = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  yield* (yield* Events).subscribe({
    id: SubscriptionId.make(yield* random.uuidV7()),
    workspaceId: null,
    url,
    secretName: SecretName.make("OPS"),
    eventTypes: ["run.blocked", "run.failed"],
    createdAtMillis: yield* Clock.currentTimeMillis
  })
})

const program = Effect.gen(function* () {
  const gate = yield* Countersign
  const sql = yield* SqlClient.SqlClient
  yield* subscribe
  yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)`
  yield* sql`INSERT INTO countersign.users (id, name) VALUES ('ada', 'Ada')`
  // Ada is no member of the workspace: nobody may do this on her authority.
  const payload = { invoice: "A-1" }
  yield* gate.dispatch({ operation: sendInvoice, workspaceId: "north", initiator: "ada", payload })
  yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(Effect.provide(Worker.layer({ catalogue, handlers })))
  yield* deliverDueEvents
  for (const line of received.toSorted()) yield* Console.log(line)
})

const layerHost = Layer.mergeAll(Countersign.layer({ catalogue }), channels, events, SecureRandom.layerWebCrypto).pipe(
  Layer.provideMerge(layerPostgres()),
  Layer.provide(Layer.effectDiscard(migrate())),
  Layer.provideMerge(EmbeddedPostgres.layer())
)
await Effect.runPromise(program.pipe(Effect.provide(layerHost), Effect.ensuring(Effect.sync(() => receiver.close()))))
