/**
 * The floor: the least SQL that writes the same rows. Per batch a claim with the facts looked up, one statement for start, decision,
 * snapshot and audit, a commit, and one statement for completion, audit and notice; plain loops over `pg`, no leases renewed, no
 * fence, nothing checked of what comes back. The tables, their indexes and triggers are the product's.
 */
import { createHash, randomUUID } from "node:crypto"
import { Effect, type Scope } from "effect"
import pg from "pg"
import { collectGarbage } from "../harness/memory.ts"
import { type Claimed, claiming, completing, factsLike, starting } from "./floorStatements.ts"
import { learnFrom } from "./learned.ts"
import type { PostgresDatabase } from "./postgres.ts"
import type { Store } from "./Store.ts"

interface Statements {
  readonly start: string
  readonly complete: string
  readonly factsOf: (run: Claimed, allowed: boolean) => string
}

/** One connection's share: batch after batch until nothing is queued. */
const drainThrough = async (client: pg.Client, batch: number, { start, complete, factsOf }: Statements) => {
  for (;;) {
    const now = new Date()
    await client.query("BEGIN")
    const { rows } = await client.query<Claimed>({ name: `claim ${batch}`, text: claiming(batch), values: [now] })
    if (rows.length === 0) {
      await client.query("COMMIT")
      return
    }
    const ids: Array<string> = []
    const decisions: Array<string> = []
    const allowed: Array<boolean> = []
    const hashes: Array<Buffer> = []
    const contents: Array<string> = []
    const running: Array<string> = []
    for (const run of rows) {
      const isAllowed = run.allowed === true
      const content = factsOf(run, isAllowed)
      ids.push(run.id)
      decisions.push(randomUUID())
      allowed.push(isAllowed)
      hashes.push(createHash("sha256").update(content).digest())
      contents.push(content)
      if (isAllowed) running.push(run.id)
    }
    await client.query({ name: "start", text: start, values: [ids, decisions, allowed, hashes, contents, now] })
    await client.query("COMMIT")
    await client.query({ name: "complete", text: complete, values: [running, new Date()] })
  }
}

/** Drains what is queued; answers the milliseconds it took. */
export interface Floor {
  readonly drain: (batch: number) => Effect.Effect<number>
}

const SESSION =
  "SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1; SET enable_seqscan = off; SET jit = off"

const connected = (url: string): Effect.Effect<pg.Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(SESSION)
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

/** The floor over this database, through so many connections; learned from what `store`, on the same database, does. */
export const openFloor = Effect.fnUntraced(function* (database: PostgresDatabase, store: Store, connections: number) {
  const learned = yield* learnFrom(database, store)
  const statements: Statements = {
    start: starting(learned),
    complete: completing(learned),
    factsOf: factsLike(learned)
  }
  const clients = yield* Effect.forEach(Array.from({ length: connections }), () => connected(database.url))
  const floor: Floor = {
    drain: (batch) =>
      Effect.promise(async () => {
        collectGarbage()
        const begun = performance.now()
        await Promise.all(clients.map((client) => drainThrough(client, batch, statements)))
        return performance.now() - begun
      })
  }
  return floor
})
