/**
 * The same store with the gate left out: nothing is fenced, no facts are read, no snapshot, decision or audit record is written, and
 * every run starts. Everything else is the product's own: claim, lease, transaction, compare-and-set, settlement, notice.
 *
 * The domain still calls `decide`, over facts that allow everything: a tenth of a microsecond a run, and some objects. In this
 * database the guard that refuses a start without a decision is taken away, and the constraint that says the same: they are part of
 * what is left out.
 */
import {
  type AuthorityFacts,
  Facts,
  type FactsRequest,
  Fence,
  initiatorOf,
  RunStore,
  type Step
} from "@countersign/domain"
import { Context, Effect } from "effect"
import { type PostgresDatabase, portsAt, storeOver } from "./postgres.ts"
import type { Ports } from "./Store.ts"

const GUARD = [
  "DROP TRIGGER runs_updated_to_running ON countersign.runs",
  "ALTER TABLE countersign.runs DROP CONSTRAINT runs_running_was_decided"
]

const SOURCES = Object.freeze({})

/** Facts that allow whatever is asked. */
const allowing = ({ subject: { authority, scope }, requirements }: FactsRequest): AuthorityFacts => {
  const { workspaceId, tenantId, providerConnectionId } = scope
  const userId = initiatorOf(authority)
  const capability = requirements?.capability ?? null
  const capabilities = capability === null ? [] : [capability]
  return {
    workspace: { id: workspaceId, open: true },
    tenant: tenantId === null ? null : { id: tenantId, workspaceId, state: "active" },
    initiator: userId === null ? null : { id: userId, disabled: false },
    membership: userId === null ? null : { workspaceId, userId, capabilities },
    entitlement: userId === null || tenantId === null ? null : { userId, tenantId },
    connection:
      providerConnectionId === null
        ? null
        : { id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true },
    writeGate: tenantId === null ? null : { tenantId, health: "ok", checkedAtMillis: Date.now() },
    prerequisites: []
  }
}

const bare = (step: Step): Step => ({ ...step, decision: null, audit: [] })

const withoutGate = (ports: Context.Context<Ports>): Context.Context<Ports> => {
  const store = Context.get(ports, RunStore)
  return ports.pipe(
    Context.add(
      Fence,
      Fence.of({ take: (workspaces) => Effect.succeed(new Map([...workspaces].map((workspace) => [workspace, 0]))) })
    ),
    Context.add(
      Facts,
      Facts.of({
        read: (requests) =>
          Effect.succeed(requests.map((request) => ({ facts: allowing(request), fenced: true, sources: SOURCES })))
      })
    ),
    Context.add(RunStore, RunStore.of({ ...store, write: (steps, lease) => store.write(steps.map(bare), lease) }))
  )
}

/** Takes away from a database what enforces the gate; from then on it is one for {@link openUngated}. */
export const withoutGuard = ({ admin }: PostgresDatabase) =>
  Effect.forEach(GUARD, (statement) => admin.unsafe(statement), { discard: true })

/** The store over such a database, through so many connections. */
export const openUngated = Effect.fnUntraced(function* ({ url, admin }: PostgresDatabase, connections: number) {
  const ports = withoutGate(yield* portsAt(url, connections))
  return storeOver({ name: "the gate left out", lanes: 2, admin, ports, gate: "left out" })
})
