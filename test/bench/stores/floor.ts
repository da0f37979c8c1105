/**
 * The floor: the least SQL that writes the same rows. Per batch a claim with the facts looked up, one statement for start, decision,
 * snapshot and audit, a commit, and one statement for completion, audit and notice; plain loops over `pg`, no leases renewed, no
 * fence, nothing checked of what comes back. The tables, their indexes and triggers are the product's.
 */
import { createHash, randomUUID } from "node:crypto"
import { type Running, RunStore, step } from "@countersign/domain"
import { Effect, type Scope } from "effect"
import pg from "pg"
import { millisToAdmit } from "../rows/drain.ts"
import { becoming, inserted, rowsWhere, rowWhere } from "./learned.ts"
import type { PostgresDatabase } from "./postgres.ts"
import { NotRight, type Store } from "./Store.ts"
import { operation } from "./world.ts"

const Q = "countersign"
/** Among so many runs there are some that are denied. */
const LEARNED_FROM = 3_000

/** Facts of a claimed run, each by a look-up of its own, as the prototype found it fastest. */
const claiming = (batch: number): string => `WITH c AS MATERIALIZED (
  SELECT id, workspace_id, tenant_id, provider_connection_id, initiator_id, operation_type, payload FROM ${Q}.runs
  WHERE status = 'queued' AND available_at <= $1 AND operation_type = '${operation.type}'
  ORDER BY available_at, id LIMIT ${batch} FOR UPDATE SKIP LOCKED
) SELECT c.*,
  (SELECT w.open FROM ${Q}.workspaces w WHERE w.id = c.workspace_id)
  AND (SELECT NOT u.disabled FROM ${Q}.users u WHERE u.id = c.initiator_id)
  AND (SELECT t.state = 'active' AND t.workspace_id = c.workspace_id FROM ${Q}.tenants t WHERE t.id = c.tenant_id)
  AND (SELECT p.enabled AND p.connected FROM ${Q}.provider_connections p WHERE p.id = c.provider_connection_id)
  AND (SELECT g.health = 'ok' FROM ${Q}.write_gates g WHERE g.tenant_id = c.tenant_id)
  AND (SELECT true FROM ${Q}.tenant_entitlements e
    WHERE e.user_id = c.initiator_id AND e.tenant_id = c.tenant_id LIMIT 1)
  AND (SELECT (SELECT true FROM ${Q}.role_capabilities rc WHERE rc.workspace_id = m.workspace_id AND rc.role = m.role
      AND rc.capability = '${operation.type}' LIMIT 1)
    FROM ${Q}.memberships m WHERE m.workspace_id = c.workspace_id AND m.user_id = c.initiator_id) AS allowed
FROM c`

interface Claimed {
  readonly id: string
  readonly workspace_id: string
  readonly tenant_id: string
  readonly provider_connection_id: string
  readonly initiator_id: string
  readonly allowed: boolean | null
}

/** What the statements and snapshots look like. */
interface Learned {
  readonly start: string
  readonly complete: string
  readonly snapshotOf: (run: Claimed, allowed: boolean) => string
}

const ofRun = (alias: string) => ({
  run_id: `${alias}.id`,
  workspace_id: `${alias}.workspace_id`,
  tenant_id: `${alias}.tenant_id`,
  actor_id: `${alias}.initiator_id`,
  recipient: `${alias}.initiator_id`
})

/** Lets the product admit and complete some runs, and looks at what it wrote. */
const learn = Effect.fnUntraced(function* ({ admin }: PostgresDatabase, store: Store) {
  const { ports } = yield* store.filled({ queued: LEARNED_FROM })
  const started: Array<Running> = []
  const queued = yield* rowsWhere(admin, "runs", "status = 'queued'")
  yield* Effect.provide(
    millisToAdmit({ lanes: 1 }, LEARNED_FROM, 100, (admitted) =>
      Effect.sync(() => {
        started.push(...admitted.started)
      })
    ),
    ports
  )
  const [one] = started
  const blocked = yield* rowWhere(admin, "runs", "outcome = 'blocked'")
  if (one === undefined) return yield* new NotRight({ message: "nothing to learn from" })
  const ids = [one.dispatch.id, blocked.cells.id ?? ""]
  const before = ids.flatMap((id) => queued.filter(({ cells }) => cells.id === id))
  const running = yield* rowWhere(admin, "runs", `id = '${ids[0]}'`)
  const decisions = yield* Effect.forEach(ids, (id) => rowWhere(admin, "decisions", `run_id = '${id}'`))
  const audits = yield* Effect.forEach(ids, (id) =>
    rowsWhere(admin, "audit_records", `run_id = '${id}' AND action <> 'run.dispatched' ORDER BY id`)
  )
  const contents = yield* Effect.forEach(decisions, ({ cells }) =>
    rowWhere(admin, "snapshots", `hash = '${cells.snapshot_hash ?? ""}'`)
  )
  const blockedNotice = yield* rowWhere(admin, "notices", `run_id = '${ids[1]}'`)
  const succeed = step(one, {
    _tag: "Succeed",
    admission: one.admission,
    atMillis: Date.now(),
    counts: {},
    result: null
  })
  yield* Effect.provide(
    Effect.flatMap(Effect.fromResult(succeed), (next) => Effect.flatMap(RunStore, (runs) => runs.write([next], null))),
    ports
  )
  const succeeded = yield* rowWhere(admin, "runs", `id = '${ids[0]}'`)
  const succeededAudit = yield* rowWhere(admin, "audit_records", `run_id = '${ids[0]}' AND action = 'run.succeeded'`)
  const succeededNotice = yield* rowWhere(admin, "notices", `run_id = '${ids[0]}'`)
  const [allowedDecision, deniedDecision] = decisions
  const [allowedAudit = [], deniedAudit = []] = audits
  if (allowedDecision === undefined || deniedDecision === undefined) {
    return yield* new NotRight({ message: "nothing to learn from" })
  }
  const decided = { id: "m.new_decision", snapshot_hash: "m.hash", decision_id: "m.new_decision", ...ofRun("m") }
  const [ofAllowed, ofDenied] = [allowedDecision, deniedDecision].map((row) => inserted(row, decided, "$6"))
  const auditing = (rows: typeof allowedAudit, when: string) =>
    rows.map((row) => inserted(row, decided, "$6")).map(({ values }) => `SELECT ${values} FROM moved m WHERE ${when}`)
  const auditColumns = inserted(succeededAudit, {}, "$6").columns
  const denied = inserted(blockedNotice, ofRun("m"), "$6")
  const told = inserted(succeededNotice, ofRun("m"), "$2")
  const audited = inserted(succeededAudit, ofRun("m"), "$2")
  const texts = contents.map(({ cells }) => cells.content ?? "")
  const scopes = before.map(({ cells }) => cells)
  const learned: Learned = {
    start: `WITH moved AS (
  UPDATE ${Q}.runs r SET ${becoming(before, [running, blocked], "u.allowed", { decision_id: "u.decision_id" }, "$6")}
  FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bytea[]) AS u(id, decision_id, allowed, hash)
  WHERE r.id = u.id AND r.status = 'queued'
  RETURNING r.id, r.workspace_id, r.tenant_id, r.initiator_id, u.allowed, u.decision_id AS new_decision, u.hash
), decided AS (
  INSERT INTO ${Q}.decisions (${ofAllowed?.columns})
  SELECT ${ofAllowed?.values} FROM moved m WHERE m.allowed
  UNION ALL SELECT ${ofDenied?.values} FROM moved m WHERE NOT m.allowed
), known AS (
  INSERT INTO ${Q}.snapshots (hash, content) SELECT k.hash, k.content::jsonb
  FROM unnest($4::bytea[], $5::text[]) AS k(hash, content) ON CONFLICT DO NOTHING
), audited AS (
  INSERT INTO ${Q}.audit_records (${auditColumns})
  ${[...auditing(allowedAudit, "m.allowed"), ...auditing(deniedAudit, "NOT m.allowed")].join("\n  UNION ALL ")}
)
INSERT INTO ${Q}.notices (${denied.columns}) SELECT ${denied.values} FROM moved m WHERE NOT m.allowed`,
    complete: `WITH m AS (
  UPDATE ${Q}.runs r SET ${becoming([running, running], [succeeded, succeeded], "true", {}, "$2")}
  WHERE r.id = ANY ($1::uuid[]) AND r.status = 'running'
  RETURNING r.id, r.workspace_id, r.tenant_id, r.initiator_id
), audited AS (
  INSERT INTO ${Q}.audit_records (${audited.columns}) SELECT ${audited.values} FROM m
)
INSERT INTO ${Q}.notices (${told.columns}) SELECT ${told.values} FROM m`,
    snapshotOf: (run, allowed) => {
      const scope = scopes[allowed ? 0 : 1]
      return (texts[allowed ? 0 : 1] ?? "")
        .replaceAll(`"${scope?.workspace_id}"`, `"${run.workspace_id}"`)
        .replaceAll(`"${scope?.tenant_id}"`, `"${run.tenant_id}"`)
        .replaceAll(`"${scope?.initiator_id}"`, `"${run.initiator_id}"`)
        .replaceAll(`"${scope?.provider_connection_id}"`, `"${run.provider_connection_id}"`)
    }
  }
  return learned
})

/** One connection's share: batch after batch until nothing is queued. */
const drainThrough = async (client: pg.Client, batch: number, { start, complete, snapshotOf }: Learned) => {
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
      const content = snapshotOf(run, isAllowed)
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
  const learned = yield* learn(database, store)
  const clients = yield* Effect.forEach(Array.from({ length: connections }), () => connected(database.url))
  const floor: Floor = {
    drain: (batch) =>
      Effect.promise(async () => {
        const begun = performance.now()
        await Promise.all(clients.map((client) => drainThrough(client, batch, learned)))
        return performance.now() - begun
      })
  }
  return floor
})
