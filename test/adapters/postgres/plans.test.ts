/** Plans, not times: with a large table the statements of an admission find what they need by index. */
import { migrate } from "@countersign/adapters"
import { WorkspaceId } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { pageStatement } from "../../../packages/adapters/src/postgres/boardStatements.ts"
import { fairStatement, oldestStatement, PASSED_AT_MOST } from "../../../packages/adapters/src/postgres/claim.ts"
import { subscriptionsStatement } from "../../../packages/adapters/src/postgres/Events.ts"
import { holdingExpired, pruning } from "../../../packages/adapters/src/postgres/expiry.ts"
import { factsStatement } from "../../../packages/adapters/src/postgres/factsStatement.ts"
import { extending, holdingRunning, saving } from "../../../packages/adapters/src/postgres/heldRuns.ts"
import { listing } from "../../../packages/adapters/src/postgres/listing.ts"
import { offeringStatement } from "../../../packages/adapters/src/postgres/offering.ts"
import { DEFAULT_SCHEMA, namesOf, SchemaName } from "../../../packages/adapters/src/postgres/SchemaName.ts"
import { movingStatement } from "../../../packages/adapters/src/postgres/write.ts"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { planOf } from "./planOf.ts"

const ROWS = 30_000
const names = namesOf(DEFAULT_SCHEMA)
/** Two subscriptions: one for which everything waits, and one for which nothing does. */
const [BUSY, IDLE] = ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"]
const HELD = '{"failure": {"code": "write_gate_blocked", "detail": "gate_degraded"}, "sinceMillis": 0}'

const columns = `id, workspace_id, operation_type, authority_mode, initiator_id, actor_kind, payload, identity, max_attempts,
  attempt, admission, dispatched_at, expires_at, counts`
const values = (from: number) => `
  (lpad(to_hex(${from} + n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 'w' || n % 200, 'op' || n % 20, 'actor_bound',
  'u' || n, 'human', '{}', ${from} + n || '', 3, 1, 1, '2026-01-01', '2026-01-08'::timestamptz + n * interval '1 minute', '{}'`

const filled = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* migrate()
  const insert = (from: number, more: string, cells: string) =>
    sql.unsafe(`INSERT INTO countersign.runs (${columns}, status, outcome, available_at, started_at, completed_at)
      SELECT ${values(from)}, ${cells} FROM generate_series(1, ${ROWS}) n ${more}`)
  yield* insert(0, "", "'completed', 'succeeded', '2026-01-01', '2026-01-01', '2026-01-01'")
  yield* insert(ROWS, "", "'queued', 'pending', '2026-01-01', NULL, NULL")
  yield* insert(2 * ROWS, "", "'queued', 'pending', '2030-01-01', NULL, NULL")
  yield* sql`INSERT INTO countersign.notices
    SELECT id, 'u', workspace_id, NULL, operation_type, 'succeeded', 't', 'm', '[]', completed_at, completed_at, 1, completed_at
    FROM countersign.runs WHERE status = 'completed'`
  yield* sql`INSERT INTO countersign.workspaces SELECT 'w' || n, true FROM generate_series(0, 4999) n`
  yield* sql`INSERT INTO countersign.users SELECT 'u' || n, '', false FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.memberships SELECT 'w' || n % 200, 'u' || n, 'r' FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.role_capabilities SELECT 'w' || n % 200, 'r', 'c' || n FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.tenants SELECT 't' || n, 'w' || n % 200, 'active' FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.tenant_entitlements SELECT 'u' || n, 't' || n FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.provider_connections
    SELECT 'p' || n, 'w' || n % 200, 't' || n, true, true FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.write_gates SELECT 't' || n, 'ok', '2026-01-01' FROM generate_series(1, 20000) n`
  yield* sql`INSERT INTO countersign.prerequisites
    SELECT 'w' || n % 200, 't' || n, 'x', true FROM generate_series(1, 20000) n`
  // A tenth of those that are to wait longer are held, all by the epoch that their workspaces still have.
  yield* sql`UPDATE countersign.authority_epochs SET epoch = 7`
  yield* sql`UPDATE countersign.runs SET held = ${HELD}::jsonb, held_epoch = 7, admission = 2
    WHERE available_at > '2029-01-01' AND get_byte(uuid_send(id), 3) % 10 = 0`
  yield* sql`ANALYZE`
})

const prepared = Layer.effectDiscard(filled).pipe(Layer.provideMerge(layerFreshDatabase({ maxConnections: 2 })))

layer(prepared, { excludeTestServices: true, timeout: "120 seconds" })(
  `plans at ${(3 * ROWS).toLocaleString("en")} runs`,
  (it) => {
    const WALKS_MORE = /(Seq|Bitmap Heap) Scan on runs|Hash Join|Merge Join/
    /** More than there are priorities, of which some are not asked about. */
    const REMOVES_RUNS = /Rows Removed by \w+( \w+)*: ([4-9]|\d\d)/
    const types = `'{${Array.from({ length: 20 }, (_, at) => `op${at}`).join(",")}}'`
    const FROM_THE_BEGINNING = [
      "array_fill('0001-01-01'::timestamptz, '{3}')",
      "array_fill('00000000-0000-0000-0000-000000000000'::uuid, '{3}')"
    ]
    const BEGINNING = ["'-9223372036854775808'", "'0001-01-01'", "'00000000-0000-0000-0000-000000000000'"]

    it.effect("the oldest are claimed from the front of the queue, and never from what is to wait longer", () =>
      Effect.gen(function* () {
        const statement = oldestStatement(names, 100)
        const claimed = (now: string, asked: string) =>
          planOf(statement, [now, asked, "'{}'", "'{}'", "100", ...FROM_THE_BEGINNING])
        const plan = yield* claimed("'2026-06-01'", types)
        assert.match(plan, /Index Scan using runs_waiting/)
        assert.match(plan, /Index Scan using runs_pkey/)
        assert.notMatch(plan, WALKS_MORE)
        assert.notMatch(plan, /Sort Key: r/)
        assert.notMatch(plan, REMOVES_RUNS)
        // Of a type that nobody waits for: no more is looked at than the front, however much is available.
        const none = yield* claimed("'2026-06-01'", "'{nobody}'")
        assert.match(none, new RegExp(`Rows Removed by Filter: ${100 + PASSED_AT_MOST}$`, "m"))
        // Nothing available: a look for each priority.
        const idle = yield* claimed("'2025-01-01'", types)
        assert.match(idle, /Index Scan using runs_waiting on runs r\S* \(actual rows=0 loops=3\)/)
        assert.notMatch(idle, REMOVES_RUNS)
      })
    )

    it.effect("a fair claim looks into the index once for each lane, and no further than its room", () =>
      Effect.gen(function* () {
        const statement = fairStatement(names, 100)
        const claimed = (now: string, asked: string) =>
          planOf(statement, [now, asked, "'{}'", "'{}'", "100", ...BEGINNING])
        const plan = yield* claimed("'2026-06-01'", types)
        assert.match(plan, /Index Scan using runs_in_lanes/)
        assert.notMatch(plan, WALKS_MORE)
        // One look for the next lane, until there are as many lanes as room, and one for a run of each.
        const looks = [...plan.matchAll(/runs_in_lanes on runs .*rows=[\d.]+ loops=(\d+)/g)].map(([, loops]) =>
          Number(loops)
        )
        assert.sameMembers(looks, [100, 100])
        assert.match(plan, /Recursive Union \(actual rows=101 /)
        // Nothing available: once round all lanes, 200 here, and not once more.
        assert.match(yield* claimed("'2025-01-01'", types), /Recursive Union \(actual rows=201 /)
      })
    )

    it.effect("claims of different room share their statements, a hundred at a time", () =>
      Effect.sync(() => {
        for (const statement of [oldestStatement, fairStatement]) {
          const texts = Array.from({ length: 1_000 }, (_, at) => statement(names, at + 1))
          assert.strictEqual(new Set(texts).size, 10)
        }
      })
    )

    it.effect("claims are planned the same in a schema that is new and was never analysed", () =>
      Effect.gen(function* () {
        const schema = SchemaName.make("fresh")
        yield* migrate(schema)
        const [now, nothing] = ["'2026-06-01'", "'{}'"]
        const oldest = yield* planOf(oldestStatement(namesOf(schema), 100), [
          now,
          types,
          nothing,
          nothing,
          "100",
          ...FROM_THE_BEGINNING
        ])
        assert.match(oldest, /Index (Only )?Scan using runs_waiting/)
        assert.match(oldest, /Index Scan using runs_pkey/)
        const fair = yield* planOf(fairStatement(namesOf(schema), 100), [
          now,
          types,
          nothing,
          nothing,
          "100",
          ...BEGINNING
        ])
        assert.match(fair, /Index (Only )?Scan using runs_in_lanes/)
        for (const plan of [oldest, fair]) assert.notMatch(plan, WALKS_MORE)
        assert.notMatch(oldest, /runs_in_lanes/)
        assert.notMatch(fair, /runs_waiting/)
      })
    )

    it.effect("what runs of an operation or a lane is counted by index", () =>
      Effect.gen(function* () {
        const plan = yield* planOf(
          "SELECT count(*) FROM countersign.runs r WHERE r.status = 'running' AND r.operation_type = $1::text AND r.lane = $2::bigint",
          ["'op1'", "7"]
        )
        assert.match(plan, /Index Only Scan using runs_running/)
      })
    )

    it.effect("facts are looked up by their keys", () =>
      Effect.gen(function* () {
        const keys = ["w1", "t1", "u1", "w1", "u1", "c1", "u1", "t1", "p1", "t1", "w1", "t1", "x"]
        const plan = yield* planOf(
          factsStatement(names.q),
          keys.map((key) => `'{${key}}'`)
        )
        assert.notMatch(plan, /Seq Scan|Hash Join|Merge Join/)
        assert.match(plan, /prerequisites_key/)
      })
    )

    it.effect("a batch of steps finds its runs by id, and its records without joins, also while tables are empty", () =>
      Effect.gen(function* () {
        for (const [telling, basis] of [
          ["nobody", "decided"],
          ["tells", "decided"],
          ["nobody", "reported"],
          ["tells", "reported"]
        ] as const) {
          const statement = movingStatement(names, telling, basis)
          const count = new Set(statement.match(/\$\d+/g)).size
          const plan = yield* planOf(
            statement,
            Array.from({ length: count }, () => "NULL")
          )
          assert.match(plan, /Index Scan using runs_pkey/)
          if (basis === "decided") {
            assert.match(plan, /Index Only Scan using snapshots_pkey[^\n]*\n *Index Cond: \(hash = k.hash\)/)
          } else assert.notMatch(plan, /snapshots|decisions/)
          // Of subscriptions there are a few, each of which may want each event.
          assert.notMatch(plan, /Seq Scan on (?!event_subscriptions)|Hash Join|Merge Join/)
          if (telling === "tells") assert.match(plan, /hashed SubPlan/)
        }
      })
    )

    it.effect(
      "while no authority changes, offering costs a few looks for each workspace that holds runs, however many",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const offering = planOf(offeringStatement(names), ["'2026-06-01'"])
          const idle = yield* offering
          assert.match(idle, /Index Cond: \(\(workspace_id = .*\) AND \(held_epoch < .*\)\)/)
          assert.match(idle, /LockRows \(actual rows=0 /)
          assert.notMatch(idle, /Seq Scan|Sort|in_workspace/)
          yield* sql`UPDATE countersign.authority_epochs SET epoch = 8 WHERE workspace_id = 'w7'`
          const offered = yield* offering
          assert.match(offered, /Index Scan using runs_pkey/)
          assert.notMatch(offered, /Seq Scan|Sort|in_workspace/)
        })
    )

    it.effect(
      "what has expired and what is to be pruned is walked in the order of an index, no further than asked",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const expired = yield* planOf(holdingExpired(names.q, 100), ["'2026-01-09'"])
          assert.match(expired, /Index Scan using runs_expiring/)
          assert.notMatch(expired, /Seq Scan|Sort|Rows Removed/)
          const prunedBehind = (id: string) =>
            planOf(pruning(names.q, 100), [
              "'2026-06-01'",
              "'2026-01-01'",
              "'ffffffff-ffff-7fff-bfff-ffffffffffff'",
              `'${id}'`
            ])
          const old = yield* prunedBehind("00000000-0000-7000-8000-000000000000")
          assert.match(old, /Delete on runs \(actual rows=100 /)
          assert.match(old, /Tid Scan on inbox/)
          assert.match(old, /Index (Only )?Scan using inbox_\w+ on inbox i/)
          const [waiting] = yield* sql<{
            readonly id: string
          }>`SELECT id FROM countersign.runs WHERE status = 'queued' ORDER BY id LIMIT 1`
          assert(waiting)
          for (const plan of [old, yield* prunedBehind(waiting.id)]) {
            assert.match(plan, /CTE looked\n.*Limit \(actual rows=100 .*\n(.*Buffers.*\n)?.*Index Scan using runs_pkey/)
            assert.notMatch(plan, /Seq Scan/)
          }
        })
    )

    it.effect(
      "no_running_without_permit: the guard looks decisions up by key, for a thousand runs as for the one before them",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const started = (count: number) => sql`WITH decided AS (
            INSERT INTO countersign.decisions (id, run_id, attempt, admission, decided_at, allowed, retryable, workspace_scope,
              tenant_scope, capability, tenant_operability, execution_prerequisites, snapshot_hash)
            SELECT gen_random_uuid(), id, 1, 1, '2026-01-01', true, false, 'passed', 'passed', 'passed', 'passed', 'passed', ''
            FROM countersign.runs WHERE status = 'queued' AND held IS NULL LIMIT ${count}
            RETURNING run_id, id
          ) UPDATE countersign.runs r SET status = 'running', started_at = '2026-01-01', decision_id = d.id
          FROM decided d WHERE r.id = d.run_id`
          const looks = sql<{
            readonly by_key: number
            readonly through_all: number
          }>`SELECT idx_scan::integer AS by_key,
          seq_scan::integer AS through_all FROM pg_stat_xact_user_tables WHERE relid = 'countersign.decisions'::regclass`
          const undone = yield* Effect.gen(function* () {
            yield* started(1)
            yield* started(1_000)
            return yield* Effect.fail(yield* looks)
          }).pipe(sql.withTransaction, Effect.flip)
          assert.deepStrictEqual(undone, [{ by_key: 1_001, through_all: 0 }])
        })
    )

    it.effect("the runs of a workspace are listed from the indexes of their states", () =>
      Effect.gen(function* () {
        const workspaceId = WorkspaceId.make("w7")
        const anything = yield* planOf(listing(names, { workspaceId, limit: 20 }).text, ["'w7'"])
        assert.match(anything, /Index Scan Backward using runs_ended_in_workspace/)
        assert.match(anything, /Index Scan Backward using runs_queued_in_workspace/)
        assert.match(anything, /Index Scan using runs_running/)
        const ended = yield* planOf(listing(names, { workspaceId, status: "completed", limit: 20 }).text, [
          "'w7'",
          "'completed'"
        ])
        assert.match(ended, /Index Scan Backward using runs_ended_in_workspace/)
        for (const plan of [anything, ended]) assert.notMatch(plan, WALKS_MORE)
      })
    )

    it.effect("a page of a workspace is read from the indexes of its states, and no further than it needs", () =>
      Effect.gen(function* () {
        const scope = { workspaceId: WorkspaceId.make("w7"), tenants: [], operationTypes: null }
        const query = { scope, filter: {}, at: { _tag: "Newest" }, nowMillis: 0, limit: 20, lookThrough: 100 } as const
        const plan = yield* planOf(
          pageStatement(names, query, query.limit, query.lookThrough).text.replaceAll("($2)", "($2::text[])"),
          ["'w7'", "'{}'"]
        )
        for (const index of ["ended", "queued"]) {
          assert.match(
            plan,
            new RegExp(
              `Index Scan Backward using runs_${index}_in_workspace on runs r_\\d+ \\(actual rows=(\\d|[1-9]\\d) `
            )
          )
        }
        assert.notMatch(plan, WALKS_MORE)
      })
    )

    it.effect("what waits for a subscription is counted along its index, and no further than asked for", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`INSERT INTO countersign.event_subscriptions (id, url, secret_name, event_types, created_at)
          SELECT uuid, 'https://example.org', 'OPS', '["run.failed"]', '2026-01-01'
          FROM unnest(ARRAY[${BUSY}, ${IDLE}]::uuid[]) AS uuid`
        yield* sql`INSERT INTO countersign.event_deliveries SELECT ${BUSY}::uuid, 'e' || n, 'run.failed', ${BUSY}::uuid, 'w',
          '2026-01-01', '{}', '2026-01-01'::timestamptz - n * interval '1 second' FROM generate_series(1, ${ROWS}::integer) n`
        yield* sql`ANALYZE countersign.event_deliveries, countersign.event_subscriptions`
        const plan = yield* planOf(subscriptionsStatement(names, 1_000), [])
        assert.match(plan, /Index (Only )?Scan using event_deliveries_due .*\(actual rows=500 loops=2\)/)
        assert.notMatch(plan, /(Seq|Bitmap Heap) Scan on event_deliveries|Sort Key: d/)
        assert.notMatch(plan, /Rows Removed/)
      })
    )

    it.effect("a worker's runs are found by id", () =>
      Effect.gen(function* () {
        for (const [statement, literals] of [
          [extending(names.q), ["'me'", "'2026-01-01'", "NULL", "NULL"]],
          [holdingRunning(names.q, "r.*"), ["NULL", "NULL"]],
          [saving(names.q), ["NULL", "NULL", "NULL"]]
        ] as const) {
          const plan = yield* planOf(statement, literals)
          assert.notMatch(plan, /Seq Scan/)
        }
      })
    )
  }
)
