/** The fence between connections: revocations are strict, never starve, and stop nobody they do not concern. */
import { layerPostgresClient } from "@countersign/adapters"
import { AuthorityBook, enqueuedOne, makeWorld, requirementsOf, type World } from "@countersign/adapters/testing"
import { Facts, Fence, Role, StoreUnavailable, UnitOfWork, WorkspaceId } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase, layerFreshDatabase } from "../../support/postgres.ts"
import { madeWhileOpen } from "./meeting.ts"
import { layerPorts } from "./support.ts"

const ROLE = Role.make("operator")

const member = (world: World) =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    yield* book.setWorkspace({ id: world.workspaceId, open: true })
    yield* book.setUser({ id: world.userId, name: "Ada", disabled: false })
    yield* book.setMembership(world.workspaceId, world.userId, ROLE)
  })

const isMember = (world: World) =>
  Effect.gen(function* () {
    const { subject } = world.dispatch()
    const [reading] = yield* (yield* Facts).read([{ subject, requirements: requirementsOf(subject) }])
    return reading?.facts.membership != null
  })

const taking = (...workspaces: ReadonlyArray<WorkspaceId>) =>
  Effect.flatMap(Fence, (fence) => fence.take(new Set(workspaces)))

/** Keeps admissions of that workspace overlapping, on as many connections, until interrupted. */
const keepBusy = (workspaceId: WorkspaceId, connections: number) =>
  Effect.gen(function* () {
    const { transact } = yield* UnitOfWork
    const admission = transact(Effect.andThen(taking(workspaceId), Effect.sleep("15 millis")))
    return yield* Effect.forEach(
      Array.from({ length: connections }, (_, at) => at),
      (at) => Effect.forkChild(Effect.andThen(Effect.sleep(at * 4), Effect.forever(admission)))
    )
  })

layer(layerPorts(layerFreshDatabase({ maxConnections: 20 })), { excludeTestServices: true, timeout: "60 seconds" })(
  "the fence between connections",
  (it) => {
    it.effect("a revocation never starves under overlapping admissions", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        yield* member(world)
        const busy = yield* keepBusy(world.workspaceId, 6)
        yield* Effect.sleep("50 millis")
        for (let turn = 0; turn < 20; turn += 1) {
          const change =
            turn % 2 === 0
              ? book.removeMembership(world.workspaceId, world.userId)
              : book.setMembership(world.workspaceId, world.userId, ROLE)
          // Starved it would wait for as long as admissions go on; the bound is generous for a machine that is busy.
          yield* Effect.timeout(change, "5 seconds")
        }
        yield* Fiber.interruptAll(busy)
      })
    )

    it.effect("revoked_after_dispatch_never_acts: nothing commits on facts from before a committed revocation", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        yield* member(world)
        // Moved only between commits, so whoever reads it before and after an admission knows what was committed meanwhile.
        const revoked = yield* Ref.make(false)
        const violations = yield* Ref.make(0)
        const decided = yield* Ref.make(0)
        const admission = Effect.gen(function* () {
          const wasRevoked = yield* Ref.get(revoked)
          const acts = yield* transact(
            Effect.gen(function* () {
              const epochs = yield* taking(world.workspaceId)
              if (!epochs.has(world.workspaceId)) return false
              const holds = yield* isMember(world)
              yield* Effect.sleep("2 millis")
              // The last look before the commit: a revocation that is committed by now was committed before us.
              if (holds && (yield* Ref.get(revoked))) yield* Ref.update(violations, (n) => n + 1)
              yield* Ref.update(decided, (n) => n + 1)
              return holds
            })
          )
          if (acts && wasRevoked && (yield* Ref.get(revoked))) yield* Ref.update(violations, (n) => n + 1)
        })
        const admitting = yield* Effect.forEach(Array.from({ length: 6 }), () =>
          Effect.forkChild(Effect.forever(admission))
        )
        for (let turn = 0; turn < 30; turn += 1) {
          yield* book.removeMembership(world.workspaceId, world.userId)
          yield* Ref.set(revoked, true)
          yield* Effect.sleep("10 millis")
          yield* Ref.set(revoked, false)
          yield* book.setMembership(world.workspaceId, world.userId, ROLE)
          yield* Effect.sleep("5 millis")
        }
        yield* Fiber.interruptAll(admitting)
        assert.strictEqual(yield* Ref.get(violations), 0)
        assert.isAbove(yield* Ref.get(decided), 30)
      })
    )

    it.effect(
      "what reaches a workspace through a person or a tenant who is coming to it unseen is fenced there too",
      () =>
        Effect.gen(function* () {
          const { transact } = yield* UnitOfWork
          const book = yield* AuthorityBook
          const { workspaceId, userId, tenantId } = yield* makeWorld
          const epoch = Effect.map(transact(taking(workspaceId)), (epochs) => epochs.get(workspaceId))
          yield* madeWhileOpen(
            book.setMembership(workspaceId, userId, ROLE),
            book.setUser({ id: userId, name: "Ada", disabled: true })
          )
          assert.strictEqual(yield* epoch, 2)
          yield* madeWhileOpen(
            book.setTenant({ id: tenantId, workspaceId, state: "active" }),
            book.setEntitlement(userId, tenantId)
          )
          assert.strictEqual(yield* epoch, 4)
        })
    )

    it.effect(
      "admissions and a revocation of two workspaces, the other way round, never block each other for good",
      () =>
        Effect.gen(function* () {
          const { transact } = yield* UnitOfWork
          const book = yield* AuthorityBook
          const [a, b] = [yield* makeWorld, yield* makeWorld]
          yield* member(a)
          yield* member(b)
          const admitting = yield* Effect.forEach(Array.from({ length: 4 }), () =>
            Effect.forkChild(
              Effect.forever(
                transact(
                  Effect.gen(function* () {
                    yield* taking(a.workspaceId)
                    yield* Effect.sleep("1 millis")
                    yield* taking(b.workspaceId)
                    yield* Effect.sleep("1 millis")
                  })
                )
              )
            )
          )
          for (let turn = 0; turn < 15; turn += 1) {
            yield* transact(
              Effect.gen(function* () {
                yield* book.setMembership(b.workspaceId, b.userId, ROLE)
                yield* Effect.sleep("1 millis")
                yield* book.setMembership(a.workspaceId, a.userId, ROLE)
              })
            ).pipe(Effect.timeout("10 seconds"))
          }
          yield* Fiber.interruptAll(admitting)
        })
    )

    it.effect("a long open revocation of one workspace stops neither the others nor their changes", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const book = yield* AuthorityBook
        const [a, b] = [yield* makeWorld, yield* makeWorld]
        yield* member(a)
        yield* member(b)
        const revoking = yield* Deferred.make<void>()
        const open = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* book.removeMembership(a.workspaceId, a.userId)
              yield* Deferred.succeed(revoking, undefined)
              return yield* Effect.never
            })
          )
        )
        yield* Deferred.await(revoking)
        const epochs = yield* transact(taking(a.workspaceId, b.workspaceId))
        assert.deepStrictEqual([...epochs.keys()], [b.workspaceId])
        yield* Effect.timeout(book.removeMembership(b.workspaceId, b.userId), "5 seconds")
        yield* Effect.timeout(enqueuedOne(a.dispatch()), "5 seconds")
        yield* Fiber.interrupt(open)
        assert.isTrue((yield* transact(taking(a.workspaceId))).has(a.workspaceId))
      })
    )

    it.effect("a change that reaches thousands of workspaces fences them all, and others may go on after it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { transact } = yield* UnitOfWork
        yield* sql`INSERT INTO countersign.workspaces SELECT 'many-' || n, true FROM generate_series(1, 20000) n`
        const [some, all] = [WorkspaceId.make("many-7"), WorkspaceId.make("many-19999")]
        const before = yield* transact(taking(some, all))
        const changed = yield* Deferred.make<void>()
        const letGo = yield* Deferred.make<void>()
        const closing = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* sql`UPDATE countersign.workspaces SET open = false WHERE id LIKE 'many-%'`
              yield* Deferred.succeed(changed, undefined)
              yield* Deferred.await(letGo)
            })
          )
        )
        yield* Deferred.await(changed)
        assert.strictEqual((yield* transact(taking(some, all))).size, 0)
        yield* Deferred.succeed(letGo, undefined)
        yield* Fiber.join(closing)
        const after = yield* transact(taking(some, all))
        for (const id of [some, all]) assert.strictEqual(after.get(id), (before.get(id) ?? 0) + 1)
      })
    )

    it.effect("a change where ordinary triggers sleep moves the epoch as any other, and empties no table", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        yield* member(world)
        const { workspaceId } = world
        const epoch = Effect.map(transact(taking(workspaceId)), (epochs) => epochs.get(workspaceId) ?? 0)
        const before = yield* epoch
        const inReplica = (statement: string) =>
          sql.withTransaction(
            Effect.andThen(sql`SET LOCAL session_replication_role = replica`, sql.unsafe(statement, [workspaceId]))
          )
        yield* inReplica("DELETE FROM countersign.memberships WHERE workspace_id = $1")
        yield* inReplica("UPDATE countersign.workspaces SET open = false WHERE id = $1")
        assert.strictEqual(yield* epoch, before + 2)
        const emptying = sql.withTransaction(
          Effect.andThen(sql`SET LOCAL session_replication_role = replica`, sql`TRUNCATE countersign.memberships`)
        )
        assert.match(String((yield* Effect.flip(emptying)).reason.cause), /cannot be truncated/)
      })
    )

    it.effect("revoked_after_dispatch_never_acts: a transaction that reads as of its beginning is given no fence", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
          const setting = sql.unsafe(`SET TRANSACTION ISOLATION LEVEL ${level}`)
          const error = yield* Effect.flip(transact(Effect.andThen(setting, taking(world.workspaceId))))
          assert.instanceOf(error, StoreUnavailable)
          assert.include(error.message, "default_transaction_isolation")
        }
      })
    )

    it.effect(
      "revoked_after_dispatch_never_acts: our transactions see what is committed, whatever the default of the database",
      () =>
        Effect.gen(function* () {
          const url = yield* freshDatabase
          const sql = yield* SqlClient.SqlClient
          const database = sql(new URL(url).pathname.slice(1))
          yield* sql`ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`
          const [row] = yield* Effect.flatMap(
            SqlClient.SqlClient,
            (ours) => ours`SELECT current_setting('transaction_isolation') AS level`
          ).pipe(Effect.provide(layerPostgresClient({ url, maxConnections: 1 }), { local: true }))
          assert.deepStrictEqual(row, { level: "read committed" })
        })
    )

    it.effect("facts cannot be emptied past the fence", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const error = yield* Effect.flip(sql`TRUNCATE countersign.memberships`)
        assert.match(String(error.reason.cause), /memberships cannot be truncated/)
      })
    )
  }
)
