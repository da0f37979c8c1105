/** Facts from a host's own tables, behind views, fenced with `guard_facts`. */
import { layerPostgres, migrate, SchemaName } from "@countersign/adapters"
import { requirementsOf } from "@countersign/adapters/testing"
import {
  actorBound,
  Capability,
  decide,
  Facts,
  Fence,
  OperationType,
  PrerequisiteName,
  ProviderConnectionId,
  type Subject,
  TenantId,
  UnitOfWork,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { layerFreshDatabase } from "../../support/postgres.ts"

/** A host that calls things otherwise, numbers them, keeps roles as a list and people's membership in an enum. */
const hostTables = [
  "CREATE TABLE teams (id bigint PRIMARY KEY, archived_at timestamptz)",
  "CREATE TABLE accounts (id bigint PRIMARY KEY, mail text, locked boolean NOT NULL DEFAULT false)",
  "CREATE TYPE grade AS ENUM ('owner', 'guest')",
  "CREATE TABLE team_members (team_id bigint, account_id bigint, grades grade[])",
  "CREATE TABLE customers (id bigint PRIMARY KEY, team_id bigint, state text)",
  "CREATE INDEX ON teams ((id::text))",
  "CREATE INDEX ON accounts ((id::text))",
  "CREATE INDEX ON customers ((id::text))",
  "CREATE SCHEMA facts",
  "CREATE VIEW facts.workspaces AS SELECT id::text AS id, archived_at IS NULL AS open FROM teams",
  "CREATE VIEW facts.users AS SELECT id::text AS id, mail AS name, locked AS disabled FROM accounts",
  `CREATE VIEW facts.memberships AS SELECT team_id::text AS workspace_id, account_id::text AS user_id, g::text AS role
    FROM team_members, unnest(grades) g`,
  `CREATE VIEW facts.role_capabilities AS SELECT t.id::text AS workspace_id, r.role, r.capability
    FROM teams t, (VALUES ('owner', 'tests.act'), ('guest', 'tests.look')) AS r(role, capability)`,
  "CREATE VIEW facts.tenants AS SELECT id::text AS id, team_id::text AS workspace_id, state FROM customers",
  `CREATE VIEW facts.tenant_entitlements AS SELECT m.account_id::text AS user_id, c.id::text AS tenant_id
    FROM team_members m JOIN customers c USING (team_id)`,
  `CREATE VIEW facts.provider_connections AS SELECT NULL::text AS id, NULL::text AS workspace_id, NULL::text AS tenant_id,
    false AS enabled, false AS connected WHERE false`,
  "CREATE VIEW facts.write_gates AS SELECT NULL::text AS tenant_id, 'ok' AS health, NULL::timestamptz AS checked_at WHERE false",
  `CREATE VIEW facts.prerequisites AS SELECT NULL::text AS workspace_id, NULL::text AS tenant_id, '' AS name,
    false AS satisfied WHERE false`,
  "SELECT countersign.guard_facts('teams', 'id')",
  `SELECT countersign.guard_facts_by('team_members', 'SELECT team_id FROM changed',
    'SELECT ''account:'' || account_id FROM changed')`,
  "SELECT countersign.guard_facts('customers', 'team_id')",
  `SELECT countersign.guard_facts_by('accounts',
    'SELECT m.team_id FROM changed c JOIN public.team_members m ON m.account_id = c.id',
    'SELECT ''account:'' || id FROM changed')`,
  "INSERT INTO teams VALUES (1, NULL), (2, NULL)",
  "INSERT INTO accounts VALUES (7, 'ada@example.org')",
  "INSERT INTO team_members VALUES (1, 7, '{guest,owner}')",
  "INSERT INTO customers VALUES (40, 1, 'active')"
]

const host = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* migrate()
    for (const statement of hostTables) yield* sql.unsafe(statement)
  })
)

const ports = layerPostgres({ factsSchema: SchemaName.make("facts") }).pipe(
  Layer.provideMerge(host),
  Layer.provideMerge(layerFreshDatabase())
)

const workspaceId = WorkspaceId.make("1")
const tenantId = TenantId.make("40")
const userId = UserId.make("7")
const subject: Subject = {
  operationType: OperationType.make("act"),
  authority: actorBound(userId),
  scope: { workspaceId, tenantId, providerConnectionId: null }
}
const requirements = { ...requirementsOf(subject), providerConnection: false, writes: false }

const reading = Effect.gen(function* () {
  const [answer] = yield* (yield* Facts).read([{ subject, requirements }])
  assert(answer)
  return answer
})

const decision = Effect.map(reading, ({ facts }) => decide({ takenAtMillis: 0, subject, requirements, facts }))

const epoch = Effect.gen(function* () {
  const { transact } = yield* UnitOfWork
  return (yield* transact(Effect.flatMap(Fence, (fence) => fence.take(new Set([workspaceId]))))).get(workspaceId)
})

layer(ports, { excludeTestServices: true, timeout: "60 seconds" })("facts of a host", (it) => {
  it.effect("are read through views of the names we know", () =>
    Effect.gen(function* () {
      const { facts, sources } = yield* reading
      assert.deepStrictEqual(facts, {
        workspace: { id: workspaceId, open: true },
        tenant: { id: tenantId, workspaceId, state: "active" },
        initiator: { id: userId, disabled: false },
        membership: { workspaceId, userId, capabilities: [Capability.make("tests.act")] },
        entitlement: { userId, tenantId },
        connection: null,
        writeGate: null,
        prerequisites: []
      })
      assert.strictEqual(sources.tenant, "facts.tenants")
      assert.strictEqual((yield* decision)._tag, "Allowed")
    })
  )

  it.effect("are fenced whichever of the host's tables changes", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const changes = [
        sql`UPDATE accounts SET locked = true`,
        sql`UPDATE accounts SET locked = false`,
        sql`UPDATE team_members SET grades = '{guest}'`,
        sql`UPDATE customers SET team_id = 2`,
        sql`UPDATE customers SET team_id = 1`,
        sql`UPDATE teams SET archived_at = '2026-01-01' WHERE id = 1`,
        sql`DELETE FROM team_members`
      ]
      for (const change of changes) {
        const before = yield* epoch
        yield* change
        assert.strictEqual(yield* epoch, (before ?? 0) + 1)
      }
      assert.strictEqual((yield* decision)._tag, "Denied")
      assert.match(String((yield* Effect.flip(sql`TRUNCATE accounts`)).reason.cause), /cannot be truncated/)
    })
  )

  it.effect("an open change keeps admissions of its workspace out, and only those", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { transact } = yield* UnitOfWork
      const changed = yield* Deferred.make<void>()
      const open = yield* Effect.forkChild(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`UPDATE teams SET archived_at = '2026-01-02' WHERE id = 1`
            yield* Deferred.succeed(changed, undefined)
            return yield* Effect.never
          })
        )
      )
      yield* Deferred.await(changed)
      const other = WorkspaceId.make("2")
      const taken = yield* transact(Effect.flatMap(Fence, (fence) => fence.take(new Set([workspaceId, other]))))
      assert.deepStrictEqual([...taken.keys()], [other])
      yield* Fiber.interrupt(open)
    })
  )

  it.effect("what a view says in words or numbers is read as it is meant, and what means nothing is no fact", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const workspacesAs = (open: string) =>
        Effect.andThen(
          sql`DROP VIEW facts.workspaces`,
          sql.unsafe(`CREATE VIEW facts.workspaces AS SELECT id::text AS id, ${open} AS open FROM teams`)
        )
      for (const [open, isOpen] of [
        ["'f'::text", false],
        ["'yes'::text", true],
        ["0", false],
        ["1", true]
      ] as const) {
        yield* workspacesAs(open)
        assert.deepStrictEqual((yield* reading).facts.workspace, { id: workspaceId, open: isOpen })
      }
      yield* workspacesAs("'perhaps'::text")
      assert.strictEqual((yield* Effect.flip(reading))._tag, "FactsUnavailable")
      yield* workspacesAs("archived_at IS NULL")
    })
  )

  it.effect("what makes no sense is not known, and of prerequisites that contradict each other the worse counts", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE OR REPLACE VIEW facts.write_gates AS
        SELECT '40'::text AS tenant_id, 'ok' AS health, 'infinity'::timestamptz AS checked_at`
      yield* sql`CREATE OR REPLACE VIEW facts.prerequisites AS
        SELECT '1'::text AS workspace_id, '40'::text AS tenant_id, 'licence' AS name, s AS satisfied
        FROM (VALUES (true), (false), (true)) AS v(s)`
      yield* sql`CREATE OR REPLACE VIEW facts.provider_connections AS
        SELECT 'c'::text AS id, '1'::text AS workspace_id, E'no\nname'::text AS tenant_id, true AS enabled, true AS connected`
      const name = PrerequisiteName.make("licence")
      const of = { ...subject, scope: { ...subject.scope, providerConnectionId: ProviderConnectionId.make("c") } }
      const asked = { ...requirementsOf(of), providerConnection: true, writes: true, prerequisites: [name] }
      const [answer] = yield* (yield* Facts).read([{ subject: of, requirements: asked }])
      assert.deepStrictEqual([answer?.facts.writeGate, answer?.facts.connection], [null, null])
      assert.deepStrictEqual(answer?.facts.prerequisites, [{ name, workspaceId, tenantId, satisfied: false }])
    })
  )

  it.effect("told twice, a thing is not known, and the views that are missing are named", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE OR REPLACE VIEW facts.tenants AS
        SELECT id::text AS id, team_id::text AS workspace_id, s AS state FROM customers, (VALUES ('active'), ('archived')) v(s)`
      assert.isNull((yield* reading).facts.tenant)
      yield* sql`DROP VIEW facts.tenants`
      const error = yield* Effect.flip(reading)
      assert.strictEqual(error._tag, "FactsUnavailable")
      assert.include(error.source, "facts")
    })
  )
})
