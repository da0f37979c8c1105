/** The database's own guard: what it refuses, whoever issues the statement. */
import { EmbeddedPostgres } from "@countersign/adapters"
import {
  blockStep,
  enqueuedOne,
  leaseAt,
  makeWorld,
  moved,
  runIdAt,
  startedOne,
  startStep,
  succeedStep
} from "@countersign/adapters/testing"
import { type Queued, RunStore } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { type Clients, knowsMerge, layerPorts } from "./support.ts"

/** The database's own words for a refusal. */
const refusal = <A>(statement: Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>) =>
  Effect.map(Effect.flip(statement), ({ reason }) => (reason.cause instanceof Error ? reason.cause.message : ""))

const isRefused = <A>(statement: Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>, because: RegExp) =>
  Effect.map(refusal(statement), (message) => assert.match(message, because))

const UNDECIDED = /has no allowed decision of admission/
const COMPLETED = /a completed run never changes/
const DISPATCHED = /what was dispatched never changes/
const APPEND_ONLY = /this record is append-only/

/** The columns of a run that a statement may give; the others are made from them. */
const columnsOfRuns = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly name: string }>`SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = 'countersign.runs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`
  return rows.map(({ name }) => name)
})

/** Records a decision, allowed unless said otherwise. */
const record = (run: Queued, given: { runId?: string; admission?: number; allowed?: boolean } = {}) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { runId = run.dispatch.id, admission = run.admission, allowed = true } = given
    const reason = allowed ? null : "missing_capability"
    const [row] = yield* sql<{ readonly id: string }>`
      INSERT INTO countersign.decisions (id, run_id, attempt, admission, decided_at, allowed, reason_code, denial_class,
        retryable, detail_code, workspace_scope, tenant_scope, capability, tenant_operability, execution_prerequisites,
        snapshot_hash)
      VALUES (gen_random_uuid(), ${runId}, 1, ${admission}, '2026-01-01', ${allowed}, ${reason}, ${reason}, false,
        ${reason}, 'passed', 'passed', 'passed', 'passed', 'passed', decode(repeat('00', 32), 'hex'))
      RETURNING id`
    return row?.id ?? null
  })

/** The run, brought to running by hand on the strength of that decision. */
const start = (run: Queued, decisionId: string | null) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`UPDATE countersign.runs SET status = 'running', started_at = '2026-01-01', decision_id = ${decisionId}
      WHERE id = ${run.dispatch.id}`
  )

const guards = <E>(name: string, client: Layer.Layer<Clients, E>) =>
  layer(layerPorts(client), { excludeTestServices: true, timeout: "60 seconds" })(`the guard: ${name}`, (it) => {
    const queued = Effect.flatMap(makeWorld, (world) => enqueuedOne(world.dispatch()))

    it.effect("no_running_without_permit: an UPDATE by hand needs an allowed decision of this run and admission", () =>
      Effect.gen(function* () {
        const [run, other] = [yield* queued, yield* queued]
        const foreign = yield* record(other)
        const stale = yield* record(run, { admission: 2 })
        const denied = yield* record(run, { allowed: false })
        yield* isRefused(start(run, null), /runs_running_was_decided/)
        for (const decision of [foreign, stale, denied]) yield* isRefused(start(run, decision), UNDECIDED)
        yield* isRefused(start(run, run.dispatch.id), UNDECIDED)
        assert.deepStrictEqual(yield* (yield* RunStore).find(run.dispatch.id), run)
        yield* start(run, yield* record(run))
        assert.strictEqual((yield* (yield* RunStore).find(run.dispatch.id))._tag, "Running")
      })
    )

    it.effect("one run without a decision stops the statement for all", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const runs = [yield* queued, yield* queued, yield* queued]
        const [first, second] = runs
        assert(first && second)
        const ids = runs.map(({ dispatch }) => dispatch.id)
        const decision = yield* record(first)
        yield* isRefused(
          sql`UPDATE countersign.runs SET status = 'running', started_at = '2026-01-01', decision_id = ${decision}
            WHERE id = ANY (${ids}::uuid[])`,
          UNDECIDED
        )
      })
    )

    it.effect("neither INSERT nor ON CONFLICT nor MERGE nor a sibling in WITH brings a run to running", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const run = yield* queued
        const columns = yield* columnsOfRuns
        const into = sql.literal(`INSERT INTO countersign.runs (${columns.join(", ")})`)
        const copy = sql.literal(`SELECT ${columns.map((name) => `(c.copy).${name}`).join(", ")} FROM (
          SELECT r.id, jsonb_populate_record(r, '{"id": "0190163d-8694-739b-aea5-966c26f8ad91", "identity": "another",
            "status": "running", "started_at": "2026-01-01", "decision_id": "0190163d-8694-739b-aea5-966c26f8ad92"}') AS copy
          FROM countersign.runs r) AS c`)
        const whole = sql.literal(`SELECT ${columns.join(", ")} FROM countersign.runs r`)
        yield* isRefused(sql`${into} ${copy} WHERE c.id = ${run.dispatch.id}`, UNDECIDED)
        yield* isRefused(
          sql`${into} ${whole} WHERE r.id = ${run.dispatch.id}
            ON CONFLICT (id) DO UPDATE SET status = 'running', started_at = '2026-01-01', decision_id = runs.id`,
          UNDECIDED
        )
        const merging = isRefused(
          sql`MERGE INTO countersign.runs r USING (SELECT ${run.dispatch.id}::uuid AS id) AS s ON r.id = s.id
            WHEN MATCHED THEN UPDATE SET status = 'running', started_at = '2026-01-01', decision_id = s.id`,
          UNDECIDED
        )
        if (yield* knowsMerge) yield* merging
        yield* isRefused(
          sql`WITH started AS (UPDATE countersign.runs SET status = 'running', started_at = '2026-01-01', decision_id = id
            WHERE id = ${run.dispatch.id} RETURNING 1) SELECT * FROM started`,
          UNDECIDED
        )
      })
    )

    it.effect("a running run keeps the decision it started with", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const world = yield* makeWorld
        const { id } = (yield* startedOne(world.dispatch())).dispatch
        yield* isRefused(sql`UPDATE countersign.runs SET decision_id = ${id} WHERE id = ${id}`, UNDECIDED)
        yield* isRefused(sql`UPDATE countersign.runs SET admission = 2 WHERE id = ${id}`, UNDECIDED)
        yield* sql`UPDATE countersign.runs SET lease_until = '2040-01-01' WHERE id = ${id}`
      })
    )

    it.effect("no table and no operator can be put in place of ours", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const [run, other] = [yield* queued, yield* queued]
        yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`CREATE TEMPORARY TABLE decisions (id uuid, run_id uuid, admission integer, allowed boolean)`
              yield* sql`INSERT INTO decisions VALUES (${run.dispatch.id}, ${run.dispatch.id}, 1, true)`
              yield* sql`CREATE SCHEMA impostor`
              yield* sql.unsafe(
                `CREATE FUNCTION impostor.yes(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'`
              )
              yield* sql`CREATE OPERATOR impostor.= (FUNCTION = impostor.yes, LEFTARG = uuid, RIGHTARG = uuid)`
              yield* record(other)
              yield* sql`SET LOCAL search_path = pg_temp, impostor, pg_catalog`
              yield* start(run, run.dispatch.id)
            })
          )
          .pipe((statement) => isRefused(statement, UNDECIDED))
      })
    )

    it.effect("blocked_is_final, terminal_states_absorb: what is completed changes no more, and may be deleted", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const world = yield* makeWorld
        const { atMillis } = world
        const blocked = yield* moved(blockStep(yield* enqueuedOne(world.dispatch()), atMillis))
        const succeeded = yield* moved(succeedStep(yield* startedOne(world.dispatch()), atMillis))
        for (const { dispatch } of [blocked, succeeded]) {
          const change = sql`UPDATE countersign.runs SET status = 'queued', outcome = 'pending', completed_at = NULL,
            result = NULL, context = NULL, failure_summary = NULL WHERE id = ${dispatch.id}`
          yield* isRefused(change, COMPLETED)
          yield* isRefused(sql`UPDATE countersign.runs SET counts = '{}' WHERE id = ${dispatch.id}`, COMPLETED)
          yield* sql`DELETE FROM countersign.runs WHERE id = ${dispatch.id}`
        }
      })
    )

    it.effect("what is active is not deleted, and nobody's authority is exchanged", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { id } = (yield* queued).dispatch
        yield* isRefused(sql`DELETE FROM countersign.runs WHERE id = ${id}`, /an active run is never deleted/)
        yield* isRefused(sql`TRUNCATE countersign.runs`, /an active run is never deleted/)
        yield* isRefused(sql`UPDATE countersign.runs SET initiator_id = 'admin' WHERE id = ${id}`, DISPATCHED)
        yield* isRefused(
          sql`UPDATE countersign.runs SET authority_mode = 'system_authority', initiator_id = NULL WHERE id = ${id}`,
          DISPATCHED
        )
        yield* isRefused(sql`UPDATE countersign.runs SET payload = '{}' WHERE id = ${id}`, DISPATCHED)
        yield* isRefused(sql`UPDATE countersign.runs SET expires_at = '2040-01-01' WHERE id = ${id}`, DISPATCHED)
        yield* isRefused(sql`UPDATE countersign.runs SET retry_of = ${runIdAt(0)} WHERE id = ${id}`, DISPATCHED)
      })
    )

    it.effect("every_decision_is_audited: decisions, snapshots and the audit record are append-only", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* moved(startStep(yield* queued, 0), leaseAt(0))
        for (const table of ["decisions", "snapshots", "audit_records"]) {
          const name = sql(`countersign.${table}`)
          yield* isRefused(sql`DELETE FROM ${name}`, APPEND_ONLY)
          yield* isRefused(sql`TRUNCATE ${name}`, APPEND_ONLY)
        }
        yield* isRefused(sql`UPDATE countersign.decisions SET allowed = true`, APPEND_ONLY)
        yield* isRefused(sql`UPDATE countersign.audit_records SET actor_name = 'nobody'`, APPEND_ONLY)
        yield* isRefused(sql`UPDATE countersign.snapshots SET content = '{}'`, APPEND_ONLY)
      })
    )

    it.effect("what makes no sense is not dispatched, whoever stores it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { id } = (yield* queued).dispatch
        const other = runIdAt(0, 77)
        const stored = (changed: string) =>
          sql.unsafe(`INSERT INTO countersign.runs (id, workspace_id, tenant_id, provider_connection_id, operation_type, authority_mode,
              initiator_id, initiator_name, actor_kind, payload, identity, max_attempts, status, outcome, attempt, admission,
              dispatched_at, available_at, expires_at, counts, priority, retry_of, schedule_id, slot_at)
            SELECT n.id, n.workspace_id, n.tenant_id, n.provider_connection_id, n.operation_type, n.authority_mode,
              n.initiator_id, n.initiator_name, n.actor_kind, n.payload, n.identity, n.max_attempts, n.status, n.outcome, n.attempt,
              n.admission, n.dispatched_at, n.available_at, n.expires_at, n.counts, n.priority, n.retry_of, n.schedule_id, n.slot_at
            FROM countersign.runs r CROSS JOIN LATERAL jsonb_populate_record(r,
              '{"id": "${other}", "identity": "another"}'::jsonb || '${changed}') n
            WHERE r.id = '${id}'`)
        const senseless: ReadonlyArray<readonly [changed: string, rule: RegExp]> = [
          ['{"id": "0190163d-8694-439b-aea5-966c26f8ad91"}', /runs_id_is_a_uuid_v7/],
          ['{"workspace_id": ""}', /runs_names_are_not_empty/],
          ['{"initiator_name": ""}', /runs_names_are_not_empty/],
          [`{"operation_type": "${"x".repeat(256)}"}`, /runs_names_are_short/],
          [`{"identity": "${"x".repeat(513)}"}`, /runs_names_are_short/],
          ['{"authority_mode": "system_authority", "initiator_id": "ada"}', /runs_authority_names_its_person/],
          ['{"authority_mode": "actor_bound", "initiator_id": null}', /runs_authority_names_its_person/],
          ['{"authority_mode": "somebody"}', /runs_authority_names_its_person/],
          ['{"actor_kind": "robot"}', /runs_actor_kind/],
          [`{"retry_of": "${other}"}`, /runs_retry_of_another/],
          ['{"retry_of": "0190163d-8694-439b-aea5-966c26f8ad91"}', /runs_retry_of_another/],
          ['{"priority": 3}', /runs_priority_is_known/],
          [
            '{"schedule_id": "nightly", "actor_kind": "scheduled", "authority_mode": "system_authority", "initiator_id": null}',
            /runs_slot_is_of_a_schedule/
          ],
          ['{"schedule_id": "", "slot_at": "2026-01-01", "actor_kind": "scheduled"}', /runs_schedule/],
          [
            '{"schedule_id": "nightly", "slot_at": "2026-01-01", "actor_kind": "human"}',
            /runs_scheduled_by_the_system/
          ],
          [
            '{"schedule_id": "nightly", "slot_at": "2026-01-01", "actor_kind": "scheduled"}',
            /runs_scheduled_by_the_system/
          ]
        ]
        for (const [changed, rule] of senseless) yield* isRefused(stored(changed), rule)
        yield* stored("{}")
      })
    )

    it.effect("states that contradict themselves are not stored", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { id } = (yield* queued).dispatch
        const states: ReadonlyArray<readonly [set: string, constraint: RegExp]> = [
          ["status = 'blocked'", /runs_/],
          ["status = 'completed', outcome = 'blocked', completed_at = '2026-01-01'", /runs_/],
          ["outcome = 'failed'", /runs_/],
          ["completed_at = '2026-01-01'", /runs_completed_at_iff_completed/],
          ["status = 'completed', outcome = 'succeeded', completed_at = '2026-01-01'", /runs_succeeded_was_started/],
          ["status = 'completed', outcome = 'failed', completed_at = '2026-01-01'", /runs_failure_says_why/],
          [
            "status = 'completed', outcome = 'failed', completed_at = '2026-01-01', failure_summary = '[]'",
            /runs_failure_says_why/
          ],
          [
            `status = 'completed', outcome = 'blocked', completed_at = '2026-01-01', failure_summary = '[{}]',
              context = '{"blocked_by": "queued_execution_legitimacy", "reason_code": "x", "next_steps": []}'`,
            /runs_blocked_says_why/
          ],
          ["lease_holder = 'x', lease_until = '2026-01-01'", /runs_leased_only_while_running/],
          ["attempt = 4", /runs_count_from_one/],
          ["counts = '[]'", /runs_counts_is_an_object/],
          ["result = '1'", /runs_result_iff_succeeded/],
          [`held = '{"failure": {"code": "x", "detail": "y"}, "sinceMillis": 1}'`, /runs_held_was_decided/],
          ["admission = 2, held = '{}'", /runs_held_says_why/],
          ["admission = 2, held_epoch = 1", /runs_held_epoch_only_while_held/],
          [
            `admission = 2, status = 'completed', outcome = 'cancelled', completed_at = '2026-01-01', context = '{}',
              held = '{"failure": {"code": "x", "detail": "y"}, "sinceMillis": 1}'`,
            /runs_held_only_while_queued/
          ]
        ]
        for (const [set, constraint] of states) {
          yield* isRefused(sql.unsafe(`UPDATE countersign.runs SET ${set} WHERE id = '${id}'`), constraint)
        }
      })
    )
  })

guards("server", layerFreshDatabase())
guards("embedded", EmbeddedPostgres.layer())
