/** The audit record cannot be rewritten, not even by its owner; and what was altered past all that is found. */
import { randomBytes } from "node:crypto"
import { layerPostgres, layerPostgresClient, migrate, schemaDrift } from "@countersign/adapters"
import { blockStep, enqueued, enqueuedOne, makeWorld, moved } from "@countersign/adapters/testing"
import { type AuditFilter, AuditLog } from "@countersign/domain"
import { type ReplayFinding, replayAll } from "@countersign/worker"
import { PgClient } from "@effect/sql-pg"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase, layerFreshDatabase } from "../../support/postgres.ts"
import { knowsMerge, layerPorts } from "./support.ts"

const TABLES = ["decisions", "snapshots", "audit_records"] as const
const REWRITINGS = [
  ...TABLES.flatMap((table) => [`DELETE FROM countersign.${table}`, `TRUNCATE countersign.${table} CASCADE`]),
  "UPDATE countersign.decisions SET allowed = true",
  "UPDATE countersign.snapshots SET content = '{}'",
  "UPDATE countersign.audit_records SET actor_name = NULL",
  "INSERT INTO countersign.snapshots SELECT * FROM countersign.snapshots ON CONFLICT (hash) DO UPDATE SET content = '{}'"
]
const MERGING = "MERGE INTO countersign.audit_records a USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE"

const rewritings = Effect.map(knowsMerge, (merges) => (merges ? [...REWRITINGS, MERGING] : REWRITINGS))

/** A blocked run: a decision, a snapshot, three audit records in two rows. */
const blocked = Effect.flatMap(makeWorld, (world) =>
  Effect.flatMap(enqueuedOne(world.dispatch()), (run) => moved(blockStep(run, world.atMillis)))
)

const codeOf = (statement: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { reason } = yield* Effect.flip(sql.unsafe(statement))
    return reason._tag
  })

it.live("append-only for the owner of the tables, too: by right, and by trigger where the right was taken back", () =>
  Effect.gen(function* () {
    const url = new URL(yield* freshDatabase)
    const role = `owner_${randomBytes(6).toString("hex")}`
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Effect.acquireRelease(sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'of the owner'`), () =>
        Effect.orDie(Effect.andThen(sql.unsafe(`DROP OWNED BY ${role}`), sql.unsafe(`DROP ROLE ${role}`)))
      )
      yield* sql.unsafe(`GRANT CREATE ON DATABASE "${url.pathname.slice(1)}" TO ${role}`)
      const owner = new URL(url)
      owner.username = role
      owner.password = "of the owner"
      yield* Effect.gen(function* () {
        const own = yield* SqlClient.SqlClient
        yield* Effect.provide(blocked, layerPostgres(), { local: true })
        for (const statement of yield* rewritings)
          assert.strictEqual(yield* codeOf(statement), "AuthorizationError", statement)
        // Without its triggers, which the owner can switch off, the right is still missing; and doctor sees it.
        for (const table of TABLES) yield* own.unsafe(`ALTER TABLE countersign.${table} DISABLE TRIGGER ALL`)
        for (const statement of yield* rewritings)
          assert.strictEqual(yield* codeOf(statement), "AuthorizationError", statement)
        assert.lengthOf(
          (yield* schemaDrift()).filter((line) => line.startsWith("trigger")),
          TABLES.length
        )
        for (const table of TABLES) {
          yield* own.unsafe(`ALTER TABLE countersign.${table} ENABLE ALWAYS TRIGGER ${table}_stay`)
          yield* own.unsafe(`GRANT ALL ON countersign.${table} TO ${role}`)
        }
        assert.deepStrictEqual(yield* schemaDrift(), [])
        for (const statement of yield* rewritings)
          assert.notStrictEqual(yield* codeOf(statement), "AuthorizationError", statement)
        assert.deepStrictEqual(yield* own`SELECT count(*)::int AS n FROM countersign.audit_records`, [{ n: 2 }])
      }).pipe(
        Effect.provide(
          Layer.effectDiscard(migrate()).pipe(
            Layer.provideMerge(layerPostgresClient({ url: Redacted.make(owner.href), maxConnections: 2 }))
          ),
          { local: true }
        )
      )
    }).pipe(Effect.scoped, Effect.provide(PgClient.layer({ url: Redacted.make(url.href), maxConnections: 1 })))
  }).pipe(Effect.scoped)
)

layer(layerPorts(layerFreshDatabase()), { excludeTestServices: true, timeout: "60 seconds" })("the record", (it) => {
  it.effect("is refused also where ordinary triggers sleep", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* blocked
      for (const statement of yield* rewritings) {
        const inReplica = Effect.andThen(sql`SET LOCAL session_replication_role = replica`, sql.unsafe(statement))
        const { reason } = yield* Effect.flip(sql.withTransaction(inReplica))
        assert.match(String(reason.cause), /this record is append-only/, statement)
      }
    })
  )

  it.effect("loses nothing to who asks for more than one reading gives", () =>
    Effect.gen(function* () {
      const log = yield* AuditLog
      const world = yield* makeWorld
      const runs = yield* enqueued(Array.from({ length: 1001 }, () => world.dispatch()))
      const filter: AuditFilter = { workspaceId: world.workspaceId, order: "oldest_first", limit: 5000 }
      const first = yield* log.page(filter)
      assert.isNotNull(first.next)
      const second = yield* log.page({ ...filter, after: first.next })
      const read = [...first.records, ...second.records].map(({ record }) => record.runId)
      assert.sameMembers(
        read,
        runs.map(({ dispatch }) => dispatch.id)
      )
    })
  )

  it.effect("is read in bounded spans, however far apart records are", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* AuditLog
      const run = yield* blocked
      // The last record of this run is the last one that the fifth span from the end holds.
      yield* sql`SELECT setval(pg_get_serial_sequence('countersign.audit_records', 'id'), max(id) + 80000 - 4)
        FROM countersign.audit_records`
      yield* blocked
      for (const order of ["oldest_first", "newest_first"] as const) {
        const filter: AuditFilter = { order, limit: 1000 }
        const [sizes, actions]: [Array<number>, Array<string>] = [[], []]
        for (let after: number | null | undefined; after !== null; ) {
          const page: { records: ReadonlyArray<{ record: { action: string } }>; next: number | null } =
            yield* audit.page(after === undefined ? filter : { ...filter, after })
          sizes.push(page.records.length)
          actions.push(...page.records.map(({ record }) => record.action))
          after = page.next
        }
        assert.deepStrictEqual(sizes.filter((size) => size === 0).length, 3, `${order}: ${sizes}`)
        assert.strictEqual(actions.filter((action) => action === "run.blocked").length, 3)
      }
      const page = yield* audit.page({ order: "oldest_first", limit: 1000, runId: run.dispatch.id })
      assert.deepStrictEqual([page.records.length, page.next], [3, null])
    })
  )

  it.effect(
    "decisions whose snapshots were stored in one part, and each record in a row of its own, are read as ever",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const audit = yield* AuditLog
        const { dispatch } = yield* blocked
        const [decision] = yield* audit.decisionsOf(dispatch.id)
        const records = yield* audit.recordsOf(dispatch.id)
        assert(decision)
        const { subject, requirements, facts } = decision.snapshot
        const content = JSON.stringify({ subject, requirements, facts, sources: decision.sources })
        yield* sql.withTransaction(
          Effect.gen(function* () {
            for (const table of TABLES) yield* sql.unsafe(`ALTER TABLE countersign.${table} DISABLE TRIGGER ALL`)
            yield* sql`INSERT INTO countersign.snapshots VALUES (sha256(${content}::bytea), ${content}::json)`
            yield* sql`UPDATE countersign.decisions SET snapshot_hash = sha256(${content}::bytea), facts = NULL, facts_hash = NULL
            WHERE run_id = ${dispatch.id}`
            yield* sql`INSERT INTO countersign.audit_records OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(a, jsonb_build_object(
              'id', id - 1, 'action', 'run.decided', 'outcome', decided, 'decided', NULL))).*
            FROM countersign.audit_records a WHERE run_id = ${dispatch.id} AND decided IS NOT NULL`
            yield* sql`UPDATE countersign.audit_records SET decided = NULL WHERE run_id = ${dispatch.id}`
            for (const table of TABLES)
              yield* sql.unsafe(`ALTER TABLE countersign.${table} ENABLE ALWAYS TRIGGER ${table}_stay`)
          })
        )
        assert.deepStrictEqual(yield* audit.decisionsOf(dispatch.id), [decision])
        assert.deepStrictEqual(yield* audit.recordsOf(dispatch.id), records)
        assert.strictEqual((yield* replayAll(() => Effect.void)).unreadable, 0)
      })
  )

  it.effect("what was altered past its triggers is found, and what it was", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const findings: Array<ReplayFinding> = []
      const replayed = Effect.suspend(() => {
        findings.length = 0
        return replayAll((some) => Effect.sync(() => findings.push(...some)))
      })
      const before = yield* replayed
      assert.deepStrictEqual([before.different, before.unreadable, findings.length], [0, 0, 0])
      assert.isAbove(before.decisions, 0)

      const runs = [yield* blocked, yield* blocked, yield* blocked, yield* blocked, yield* blocked]
      const [reason, content, lost, nonsense, reworded] = runs.map(({ dispatch }) => dispatch.id)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          for (const table of TABLES) yield* sql.unsafe(`ALTER TABLE countersign.${table} DISABLE TRIGGER ALL`)
          yield* sql`UPDATE countersign.decisions SET tenant_scope = 'passed', retryable = true WHERE run_id = ${reason ?? null}::uuid`
          yield* sql`UPDATE countersign.decisions SET facts = replace(facts, 'workspace-', 'elsewhere-')
            WHERE run_id = ${content ?? null}::uuid`
          yield* sql`UPDATE countersign.decisions SET snapshot_hash = sha256('gone') WHERE run_id = ${lost ?? null}::uuid`
          yield* sql`UPDATE countersign.decisions SET facts = '[]', facts_hash = sha256('[]')
            WHERE run_id = ${reworded ?? null}::uuid`
          // Its columns are not what any decision looks like.
          yield* sql`UPDATE countersign.decisions SET capability = 'perhaps' WHERE run_id = ${nonsense ?? null}::uuid`
          yield* sql`UPDATE countersign.audit_records SET action = 'run.vanished' WHERE run_id = ${lost ?? null}::uuid AND action = 'run.blocked'`
          for (const table of TABLES)
            yield* sql.unsafe(`ALTER TABLE countersign.${table} ENABLE ALWAYS TRIGGER ${table}_stay`)
        })
      )
      const after = yield* replayed
      assert.deepStrictEqual(after, { decisions: before.decisions + 5, different: 1, unreadable: 4 })
      const found = new Map(
        findings.map((one) =>
          one._tag === "Mismatch"
            ? [one.record.runId as string, one.differences.map(({ part }) => part).join()]
            : [one.runId, one.problem]
        )
      )
      assert.strictEqual(found.size, 5)
      assert.strictEqual(found.get(reason ?? ""), "retryable,checks.tenant_scope")
      assert.match(found.get(content ?? "") ?? "", /is not the one that was stored/)
      assert.match(found.get(lost ?? "") ?? "", /is missing/)
      assert.match(found.get(nonsense ?? "") ?? "", /perhaps|passed/)
      assert.match(found.get(reworded ?? "") ?? "", /Missing key/)
      const page = yield* (yield* AuditLog).page({ order: "newest_first", limit: 1000 })
      assert.lengthOf(page.unreadable, 1)
      assert.match(page.unreadable[0]?.message ?? "", /^audit record \d+ cannot be read/)

      // What all of them share.
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`ALTER TABLE countersign.snapshots DISABLE TRIGGER ALL`
          yield* sql`UPDATE countersign.snapshots SET content = replace(content::text, 'active', 'archived')::json`
          yield* sql`ALTER TABLE countersign.snapshots ENABLE ALWAYS TRIGGER snapshots_stay`
        })
      )
      assert.strictEqual((yield* replayed).unreadable, before.decisions + 5)
    })
  )
})
