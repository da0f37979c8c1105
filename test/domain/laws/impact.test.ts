/** The laws of withdrawal and impact: what is predicted is what then happens. */
import {
  admissionStep,
  type Circumstances,
  decide,
  type Fate,
  Fate as FateSchema,
  type Holding,
  type HoldPolicy,
  ImpactKind,
  impactOf,
  outlookOf,
  type Queued,
  type Run,
  type Snapshot,
  systemAuthority,
  Withdrawal,
  withdraw
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import fc from "fast-check"
import { always, anyCase } from "../support/cases.ts"
import { effort } from "../support/effort.ts"
import {
  connectionId,
  decisionId,
  NOW_MILLIS,
  otherConnectionId,
  otherTenantId,
  otherUserId,
  requirements,
  snapshotWith,
  subject,
  tenantId,
  userId
} from "../support/fixtures.ts"
import { queuedRun } from "../support/runs.ts"

const circumstances: Circumstances = { decisionId: decisionId(7), epoch: 3, sources: {} }

const actor = Withdrawal.cases.Actor.make({ userId })
const tenant = Withdrawal.cases.Tenant.make({ tenantId })
const connection = Withdrawal.cases.Connection.make({ connectionId })
const own = [actor, tenant, connection]
const others = [
  Withdrawal.cases.Actor.make({ userId: otherUserId }),
  Withdrawal.cases.Tenant.make({ tenantId: otherTenantId }),
  Withdrawal.cases.Connection.make({ connectionId: otherConnectionId })
]
const anyWithdrawal = fc.constantFrom(...own, ...others)

const policies: ReadonlyArray<HoldPolicy | null> = [null, { retryMillis: 5, deadlineMillis: 1_000 }]
/** Not held, held for a while, held until the deadline. */
const anyHolding = fc.record({
  policy: fc.constantFrom(...policies),
  sinceMillis: fc.constantFrom(null, NOW_MILLIS - 999, NOW_MILLIS - 1_000, NOW_MILLIS - 2_000)
})

const waits: Holding = { policy: { retryMillis: 5, deadlineMillis: 1_000 }, sinceMillis: null }
const isBlockedAtOnce: Holding = { policy: null, sinceMillis: null }

/** A queued run of this subject, held since then. */
const queuedFor = (snapshot: Snapshot, { sinceMillis }: Holding): Queued => ({
  ...queuedRun({ subject: snapshot.subject }),
  held:
    sinceMillis === null ? null : { sinceMillis, failure: { code: "write_gate_blocked", detail: "stale", about: null } }
})

/** What admission makes of it. */
const happened = (queued: Queued, snapshot: Snapshot, policy: HoldPolicy | null) => {
  const { after, decision } = Result.getOrThrow(admissionStep(queued, snapshot, circumstances, policy))
  return { fate: fateOf(after), decision: decision?.decision }
}

const fateOf = (run: Run): Fate => {
  switch (run._tag) {
    case "Running":
      return "starts"
    case "Blocked":
      return "blocked"
    case "Queued":
      return "held"
    default:
      return assert.fail(`admission does not lead to ${run._tag}`)
  }
}

const kindWith = (snapshot: Snapshot, withdrawal: Withdrawal | null, holding: Holding = isBlockedAtOnce) =>
  impactOf([{ about: "it", snapshot, holding }], withdrawal)[0]?.kind

describe("laws of impact", { timeout: 300_000 }, () => {
  it("impact_is_what_then_happens", () => {
    fc.assert(
      fc.property(anyCase, anyWithdrawal, anyHolding, (snapshot, withdrawal, holding) => {
        const queued = queuedFor(snapshot, holding)
        const [impact] = impactOf([{ about: queued, snapshot, holding }], withdrawal)
        if (impact === undefined) assert.fail()
        assert.strictEqual(impact.about, queued)
        const now = happened(queued, snapshot, holding.policy)
        const then = happened(queued, withdraw(snapshot, withdrawal), holding.policy)
        assert.deepStrictEqual({ ...impact.now }, now)
        assert.deepStrictEqual({ ...impact.after }, then)
        assert.strictEqual(impact.kind === "unaffected", now.fate === "starts" && then.fate === "starts")
        assert.strictEqual(impact.kind === "blocked_now", now.fate === "blocked")
        assert.strictEqual(impact.kind === "would_be_blocked", now.fate !== "blocked" && then.fate === "blocked")
        assert.strictEqual(impact.kind === "held_now", now.fate === "held" && then.fate !== "blocked")
        assert.strictEqual(impact.kind === "would_be_held", now.fate === "starts" && then.fate === "held")
      }),
      { numRuns: effort.runs(20_000) }
    )
  })

  it("withdrawing_never_allows, but where an operation is for archived tenants", () => {
    always((snapshot) => {
      const denied = decide(snapshot)._tag === "Denied"
      if (!denied) return
      for (const withdrawal of [...own, ...others]) {
        const isForArchived = withdrawal._tag === "Tenant" && snapshot.requirements?.tenantStates.includes("archived")
        if (isForArchived !== true) assert.strictEqual(decide(withdraw(snapshot, withdrawal))._tag, "Denied")
      }
    })
    const purge = snapshotWith(
      { tenant: { id: tenantId, workspaceId: subject.scope.workspaceId, state: "active" } },
      { requirements: { ...requirements, tenantStates: ["archived"] } }
    )
    const [impact] = impactOf([{ about: "purge", snapshot: purge, holding: isBlockedAtOnce }], tenant)
    assert.deepInclude(impact, { kind: "blocked_now" })
    assert.strictEqual(impact?.after.fate, "starts", "what would happen is told, even where it is good news")
  })

  it("withdrawing_twice_is_withdrawing_once, and of nothing that is there it changes nothing", () => {
    always((snapshot) => {
      const before = JSON.stringify(snapshot)
      for (const withdrawal of [...own, ...others]) {
        const once = withdraw(snapshot, withdrawal)
        assert.strictEqual(withdraw(once, withdrawal), once)
        assert.strictEqual(once.subject, snapshot.subject)
        assert.strictEqual(once.requirements, snapshot.requirements)
        assert.strictEqual(once.takenAtMillis, snapshot.takenAtMillis)
      }
      assert.strictEqual(JSON.stringify(snapshot), before, "it is done in thought alone")
      const unknown = withdraw(
        { ...snapshot, facts: { ...snapshot.facts, membership: null, entitlement: null } },
        actor
      )
      assert.isNull(unknown.facts.membership)
    })
    const untouched = snapshotWith()
    for (const withdrawal of others) assert.strictEqual(withdraw(untouched, withdrawal), untouched)
  })

  it("losing_the_actor_denies_every_run_of_theirs", () => {
    always((snapshot) => {
      const decision = decide(withdraw(snapshot, actor))
      const isTheirs = snapshot.subject.authority._tag === "ActorBound"
      if (isTheirs) assert.strictEqual(decision._tag, "Denied")
      else assert.deepStrictEqual(decision, decide(snapshot), "a system run has no person to lose")
    })
  })

  it("losing_the_tenant_denies_what_needs_it_in_use, losing_the_connection_what_goes_through_it", () => {
    always((snapshot) => {
      const { subject: of, requirements: asked } = snapshot
      if (of.scope.tenantId !== null && asked?.tenantStates.includes("archived") !== true) {
        assert.strictEqual(decide(withdraw(snapshot, tenant))._tag, "Denied")
      }
      if (of.scope.tenantId === null) assert.deepStrictEqual(decide(withdraw(snapshot, tenant)), decide(snapshot))
      if (asked?.providerConnection === true) {
        assert.strictEqual(decide(withdraw(snapshot, connection))._tag, "Denied")
      } else assert.deepStrictEqual(decide(withdraw(snapshot, connection)), decide(snapshot))
    })
  })
})

describe("impact, by example", () => {
  it("says for each loss what it comes to", () => {
    const snapshot = snapshotWith()
    const told = own.map((withdrawal) => {
      const [impact] = impactOf([{ about: "it", snapshot, holding: isBlockedAtOnce }], withdrawal)
      const decision = impact?.after.decision
      return [impact?.kind, decision?._tag === "Denied" ? decision.failure.detail : null]
    })
    assert.deepStrictEqual(told, [
      ["would_be_blocked", "not_a_member"],
      ["would_be_blocked", "tenant_state"],
      ["would_be_blocked", "connection_disabled"]
    ])
    for (const withdrawal of others) assert.strictEqual(kindWith(snapshot, withdrawal), "unaffected")
    assert.strictEqual(kindWith(snapshot, null), "unaffected")
  })

  it("holds what may pass, where the operation says so", () => {
    const snapshot = snapshotWith()
    assert.strictEqual(kindWith(snapshot, connection, waits), "would_be_held")
    assert.strictEqual(kindWith(snapshot, tenant, waits), "would_be_held")
    assert.strictEqual(kindWith(snapshot, actor, waits), "would_be_blocked")
    const gateClosed = snapshotWith({ writeGate: null })
    assert.strictEqual(kindWith(gateClosed, null), "blocked_now")
    assert.strictEqual(kindWith(gateClosed, null, waits), "held_now")
    assert.strictEqual(kindWith(gateClosed, connection, waits), "held_now")
    assert.strictEqual(kindWith(gateClosed, actor, waits), "would_be_blocked")
    assert.strictEqual(kindWith(gateClosed, null, { ...waits, sinceMillis: NOW_MILLIS - 1_000 }), "blocked_now")
    assert.deepStrictEqual(outlookOf(gateClosed, waits).fate, "held")
  })

  it("a system run outlives whoever leaves", () => {
    const snapshot = snapshotWith(
      {},
      { subject: { ...subject, authority: systemAuthority }, requirements: { ...requirements, systemAuthority: true } }
    )
    assert.strictEqual(kindWith(snapshot, actor), "unaffected")
    assert.strictEqual(kindWith(snapshot, tenant), "would_be_blocked")
  })

  it("answers for many in their order", () => {
    const waiting = [1, 2, 3].map((about) => ({
      about,
      snapshot: snapshotWith(about === 2 ? { workspace: null } : {}),
      holding: isBlockedAtOnce
    }))
    const kinds = impactOf(waiting, tenant).map(({ about, kind }) => [about, kind])
    assert.deepStrictEqual(kinds, [
      [1, "would_be_blocked"],
      [2, "blocked_now"],
      [3, "would_be_blocked"]
    ])
    assert.deepStrictEqual(impactOf([], actor), [])
    assert.strictEqual(ImpactKind.literals.length, 5)
    assert.strictEqual(FateSchema.literals.length, 3)
  })
})
