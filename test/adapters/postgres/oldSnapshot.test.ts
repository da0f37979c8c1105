/** What claims walk over while an old snapshot is held open elsewhere, counted in pages; nothing here is timed. */
import { migrate } from "@countersign/adapters"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { fairStatement, oldestStatement } from "../../../packages/adapters/src/postgres/claim.ts"
import { DEFAULT_SCHEMA, namesOf } from "../../../packages/adapters/src/postgres/SchemaName.ts"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { planOf } from "./planOf.ts"

/** Runs of twenty lanes, in no order on their pages, and how many of them are taken while somebody looks at all. */
const RUNS = 12_000
const TAKEN = 10_000

const filled = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* migrate()
  yield* sql.unsafe(`INSERT INTO countersign.runs (id, workspace_id, operation_type, authority_mode, initiator_id, actor_kind,
      payload, identity, max_attempts, attempt, admission, dispatched_at, expires_at, counts, status, outcome, available_at)
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 'w' || n % 20, 'op', 'actor_bound', 'u', 'human',
      '{}', n::text, 3, 1, 1, '2026-01-01', '2026-01-08', '{}', 'queued', 'pending', '2026-01-01'
    FROM generate_series(1, ${RUNS}) n ORDER BY md5(n::text)`)
  yield* sql`ANALYZE`
})

const prepared = Layer.effectDiscard(filled).pipe(Layer.provideMerge(layerFreshDatabase({ maxConnections: 2 })))

/** How many pages a statement touches. */
const pagesOf = (statement: string, literals: ReadonlyArray<string>) =>
  Effect.map(planOf(statement, literals), (plan) => {
    const [, hit, read] = /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan) ?? assert.fail(plan)
    return Number(hit ?? 0) + Number(read ?? 0)
  })

layer(prepared, { excludeTestServices: true, timeout: "60 seconds" })("under an old snapshot", (it) => {
  it.effect("claims that begin where earlier ones ended touch hardly more pages than before anything was taken", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const elsewhere = yield* (yield* PgClient.PgClient).reserve
      const idOf = (number: number) => `${number.toString(16).padStart(8, "0")}-0000-7000-8000-000000000000`
      const asked = ["'2026-06-01'", "'{op}'", "'{}'", "'{}'", "100"]
      const places = (at: string, id: string) => [
        `array_fill('${at}'::timestamptz, '{3}')`,
        `array_fill('${id}'::uuid, '{3}')`
      ]
      const pages = (at: string, number: number) =>
        Effect.all({
          oldest: pagesOf(oldestStatement(namesOf(DEFAULT_SCHEMA), 100), [...asked, ...places(at, idOf(number))]),
          fair: pagesOf(fairStatement(namesOf(DEFAULT_SCHEMA), 100), [
            ...asked,
            "'-9223372036854775808'",
            `'${at}'`,
            `'${idOf(number + 1)}'`
          ])
        })
      const before = yield* pages("0001-01-01", 0)

      yield* elsewhere.executeUnprepared("BEGIN ISOLATION LEVEL REPEATABLE READ", [], undefined)
      yield* elsewhere.executeUnprepared("SELECT count(*) FROM countersign.runs", [], undefined)
      yield* sql`UPDATE countersign.runs SET status = 'completed', outcome = 'cancelled', completed_at = '2026-06-01',
        context = '{"cancelled_by": {"kind": "system", "id": null}}' WHERE id <= ${idOf(TAKEN)}`
      const unmarked = yield* pages("0001-01-01", 0)
      const marked = yield* pages("2026-01-01", TAKEN)
      yield* elsewhere.executeUnprepared("ROLLBACK", [], undefined)

      // Each run that was taken is looked for on its page, to be found gone: once in the oldest order.
      assert.isAbove(unmarked.oldest, TAKEN)
      assert.isBelow(unmarked.oldest, 1.5 * TAKEN)
      assert.isAbove(unmarked.fair, TAKEN)
      assert.isBelow(marked.oldest, 1.5 * before.oldest)
      assert.isBelow(marked.fair, 1.5 * before.fair)
    }).pipe(Effect.scoped)
  )
})
