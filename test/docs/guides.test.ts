/** The guides tell the truth: their programs are parts of the examples, and their SQL runs. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { SchemaName } from "@countersign/adapters"
import { actorBound, Capability, Facts, Operation, OperationType, UserId, WorkspaceId } from "@countersign/domain"
import { admitNext, Countersign, inventorySync, sampleCatalogue } from "@countersign/worker"
import { assert, it, layer } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { madeWhileOpen } from "../adapters/postgres/meeting.ts"
import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"

const root = join(import.meta.dirname, "../..")
const guide = (name: string) => readFile(join(root, "docs/guides", name), "utf8")

/** The fenced blocks of this language. */
const blocks = (text: string, language: string): ReadonlyArray<string> =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\``, "gm"))].flatMap(([, block]) => block ?? [])

/** The statements of a guide's SQL, in order; none of them holds a semicolon at the end of a line inside. */
const statementsOf = (name: string) =>
  Effect.map(
    Effect.promise(() => guide(name)),
    (text) => blocks(text, "sql").flatMap((block) => block.split(/;(?:\n|$)/).filter((statement) => statement !== ""))
  )

const runAll = (name: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Effect.forEach(yield* statementsOf(name), (statement) => sql.unsafe(statement), { discard: true })
  })

it("every program in the guides is part of an example that runs", async () => {
  const examples = await Promise.all(
    ["quickstart/main.ts", "notices/main.ts", "promises/main.ts", "command-line/my-operations.ts"].map((file) =>
      readFile(join(root, "examples", file), "utf8")
    )
  )
  for (const name of await readdir(join(root, "docs/guides"))) {
    for (const block of blocks(await guide(name), "ts")) {
      assert.isTrue(
        examples.some((example) => example.includes(block)),
        `${name} shows what no example runs:\n${block}`
      )
    }
  }
})

/** A run nobody knows anything about, dispatched and denied: every table of a worker's is read or written. */
const admitOne = Effect.gen(function* () {
  const gate = yield* Countersign
  yield* gate.dispatch({ operation: inventorySync, payload: { scope: "x" }, workspaceId: "nowhere", initiator: "ada" })
  const nowMillis = yield* Clock.currentTimeMillis
  return yield* admitNext(
    { limit: 1, operationTypes: [inventorySync.type], nowMillis, order: "oldest", passOver: [], fullLanes: [] },
    {
      catalogue: sampleCatalogue,
      lease: { holder: "a worker", untilMillis: nowMillis },
      nowMillis,
      retryFactsAtMillis: nowMillis
    }
  )
}).pipe(Effect.provide([Countersign.layer({ catalogue: sampleCatalogue }), SecureRandom.layerWebCrypto]))

const onServer = { excludeTestServices: true, timeout: "60 seconds" } as const

layer(layerPorts(layerFreshDatabase()), onServer)("the guide to running it", (it) => {
  it.effect("grants what a worker's role needs", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      // Roles are the server's, not the database's: what the guide creates must not stay.
      const undone = yield* Effect.flip(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* runAll("running.md")
            yield* sql`SET LOCAL ROLE countersign_worker`
            assert.strictEqual((yield* admitOne).blocked.length, 1)
            return yield* Effect.fail("undone" as const)
          })
        )
      )
      assert.strictEqual(undone, "undone")
    })
  )
})

const overViews = layerPorts(layerFreshDatabase(), { factsSchema: SchemaName.make("shop_authority") })

layer(overViews, onServer)("the guide to facts", (it) => {
  it.effect("answers facts from a host's own tables, and a change behind the views moves the epoch", () =>
    Effect.gen(function* () {
      yield* runAll("facts.md")
      const sql = yield* SqlClient.SqlClient
      const facts = yield* Facts
      yield* sql`INSERT INTO shop.teams VALUES ('north', NULL)`
      yield* sql`INSERT INTO shop.people VALUES ('ada@shop.example', NULL)`
      yield* sql`INSERT INTO shop.team_members VALUES ('north', 'ada@shop.example', true)`

      const workspaceId = WorkspaceId.make("north")
      const ada = UserId.make("ada@shop.example")
      const { requirements } = Operation.make({
        type: "report.delete",
        capability: "report.delete",
        payload: Schema.Struct({}),
        result: Schema.Void
      })
      const subject = {
        operationType: OperationType.make("report.delete"),
        authority: actorBound(ada),
        scope: { workspaceId, tenantId: null, providerConnectionId: null }
      }
      const read = Effect.map(facts.read([{ subject, requirements }]), ([reading]) => reading?.facts)
      const epoch = Effect.map(
        sql<{ epoch: number }>`SELECT epoch::int FROM countersign.authority_epochs WHERE workspace_id = 'north'`,
        ([row]) => row?.epoch ?? 0
      )

      const known = yield* read
      assert.deepStrictEqual(known?.workspace, { id: workspaceId, open: true })
      assert.deepStrictEqual(known?.initiator, { id: ada, disabled: false })
      assert.deepStrictEqual(known?.membership?.capabilities, [Capability.make("report.delete")])

      const before = yield* epoch
      yield* sql`UPDATE shop.people SET left_on = '2026-01-01'`
      assert.isAbove(yield* epoch, before)
      assert.isTrue((yield* read)?.initiator?.disabled)
    })
  )

  it.effect("fences a team for somebody who leaves while they are being put into it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* madeWhileOpen(
        sql`INSERT INTO shop.team_members VALUES ('south', 'ada@shop.example', false)`,
        sql`UPDATE shop.people SET left_on = '2026-01-02' WHERE email = 'ada@shop.example'`
      )
      const epochs = yield* sql`SELECT epoch::int FROM countersign.authority_epochs WHERE workspace_id = 'south'`
      assert.deepStrictEqual(epochs, [{ epoch: 2 }])
    })
  )
})
