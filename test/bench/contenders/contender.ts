/**
 * A contender of ours in a process of its own. Arguments: which one, and for those over PostgreSQL the database, which has the schema
 * and the facts, and the number of connections.
 *
 * It is asked to fill its store, to drain it, and to check what that left.
 */
import { Effect, Scope } from "effect"
import { argument, serve } from "../harness/serve.ts"
import { openFloorContender } from "../rows/floor.ts"
import { type WorkTerms, work } from "../rows/work.ts"
import { memoryStore } from "../stores/memory.ts"
import { databaseAt, openEmbedded } from "../stores/postgres.ts"
import { type Filled, NotRight, type Store } from "../stores/Store.ts"
import { openUngated } from "../stores/ungated.ts"
import { BATCHES, CHECK, drainQuestion, fillQuestion } from "./questions.ts"

/** How a filled store is drained; answers the milliseconds. */
type Drain = (filled: Filled, terms: WorkTerms) => Effect.Effect<number, unknown>

interface Contender {
  readonly store: Store
  readonly drain: Drain
}

const byWorker: Drain = (filled, terms) => Effect.map(work(filled, terms), ({ millis }) => millis)

const worker = <E, R>(store: Effect.Effect<Store, E, R>) => Effect.map(store, (store) => ({ store, drain: byWorker }))

const atDatabase = Effect.suspend(() => databaseAt(argument(1)))
const connections = () => Number(argument(2))

const contenders: Readonly<Record<string, Effect.Effect<Contender, unknown, Scope.Scope>>> = {
  postgres: worker(Effect.flatMap(atDatabase, ({ through }) => through("PostgreSQL", connections(), 2))),
  ungated: worker(Effect.flatMap(atDatabase, (database) => openUngated(database, connections()))),
  embedded: worker(openEmbedded),
  memory: worker(Effect.succeed(memoryStore)),
  floor: Effect.flatMap(atDatabase, (database) =>
    Effect.map(openFloorContender(database, connections()), ({ store, floor }) => ({
      store,
      drain: (_, { batch }) => floor.drain(batch)
    }))
  )
}

/** What is open stays open until the bench is gone. */
const open = Scope.makeUnsafe()
const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Scope.provide(effect, open))

const { store, drain } = await run(
  contenders[argument(0)] ?? new NotRight({ message: `nobody here is called ${argument(0)}` })
)
let filled: Filled | null = null

const withFilled = <A>(use: (filled: Filled) => Effect.Effect<A, unknown>): Promise<A> =>
  run(Effect.suspend(() => (filled === null ? new NotRight({ message: "nothing was filled" }) : use(filled))))

const fills = (["new", "known"] as const).map((snapshots) => [
  fillQuestion(snapshots),
  async (queued: number) => {
    filled = await run(store.filled({ queued, snapshots }))
    return queued
  }
])

const drains = BATCHES.flatMap((batch) =>
  [false, true].map((delivered) => [
    drainQuestion(batch, delivered),
    (runs: number) => withFilled((filled) => drain(filled, { batch, runs, delivered }))
  ])
)

serve({
  ...Object.fromEntries([...fills, ...drains]),
  [CHECK]: (runs) => withFilled(({ check }) => Effect.as(check("completed", runs), runs))
})
