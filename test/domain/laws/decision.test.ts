/** The laws of the decision (contract, section 4). Each is tried on representatives of the whole fact space and by chance. */
import {
  type AuthorityFacts,
  actorBound,
  checks,
  decide,
  NOTHING_KNOWN,
  onTheWire,
  type PrerequisiteFact,
  type Snapshot,
  Snapshot as SnapshotSchema,
  systemAuthority
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { answersTo, failuresOf } from "../support/answers.ts"
import { always, anyCase } from "../support/cases.ts"
import {
  DAY_MILLIS,
  otherConnectionId,
  otherTenantId,
  otherUserId,
  otherWorkspaceId,
  snapshotWith,
  subject,
  tenantId,
  userId,
  workspaceId
} from "../support/fixtures.ts"
import { forced } from "../support/runs.ts"

const isDenied = (snapshot: Snapshot) => decide(snapshot)._tag === "Denied"

const assertDenied = (snapshot: Snapshot, why: string) => {
  if (!isDenied(snapshot)) assert.fail(`${why}: ${JSON.stringify(snapshot)}`)
}

/** Decisions are shared values, so most comparisons are over at once; a deep one takes its time. */
const assertSame = (actual: unknown, expected: unknown, what: string) => {
  if (actual !== expected) assert.deepStrictEqual(actual, expected, what)
}

const withFacts = (snapshot: Snapshot, facts: Partial<AuthorityFacts>): Snapshot => ({
  ...snapshot,
  facts: { ...snapshot.facts, ...facts }
})

const withRequirements = (snapshot: Snapshot, changed: Partial<NonNullable<Snapshot["requirements"]>>): Snapshot => ({
  ...snapshot,
  requirements: snapshot.requirements === null ? null : { ...snapshot.requirements, ...changed }
})

/** The snapshot without one thing it knows, for each thing it knows. */
const losses = (snapshot: Snapshot): ReadonlyArray<Snapshot> => {
  const { facts } = snapshot
  const { membership, prerequisites } = facts
  return [
    { ...snapshot, requirements: null },
    withFacts(snapshot, { workspace: null }),
    withFacts(snapshot, { tenant: null }),
    withFacts(snapshot, { initiator: null }),
    withFacts(snapshot, { membership: null }),
    withFacts(snapshot, { entitlement: null }),
    withFacts(snapshot, { connection: null }),
    withFacts(snapshot, { writeGate: null }),
    withFacts(snapshot, { prerequisites: [] }),
    // What contradicts itself about one prerequisite is lost as a whole: the half that denies is no loss.
    ...prerequisites.map(({ name }) =>
      withFacts(snapshot, { prerequisites: prerequisites.filter((fact) => fact.name !== name) })
    ),
    ...(membership === null
      ? []
      : membership.capabilities.map((lost) =>
          withFacts(snapshot, {
            membership: { ...membership, capabilities: membership.capabilities.filter((held) => held !== lost) }
          })
        ))
  ]
}

describe("laws of the decision", { timeout: 300_000 }, () => {
  it("denial_trumps_permission", () => {
    always((snapshot) => {
      const failures = failuresOf(snapshot)
      const decision = decide(snapshot)
      // One failing check denies whatever the other four say, and the first one gives the reason.
      assert.strictEqual(decision._tag, failures.length === 0 ? "Allowed" : "Denied")
      if (decision._tag === "Denied") assert.deepStrictEqual(decision.failure, failures[0])
    })
    // Of two sources that contradict each other, the one that denies is believed, in either order.
    const [satisfied] = snapshotWith().facts.prerequisites
    assert.isDefined(satisfied)
    const unsatisfied = { ...satisfied, satisfied: false }
    assertDenied(snapshotWith({ prerequisites: [satisfied, unsatisfied] }), "contradicted")
    assertDenied(snapshotWith({ prerequisites: [unsatisfied, satisfied] }), "contradicted")
  })

  it("nothing_known_is_denied", () => {
    always((snapshot) => assertDenied({ ...snapshot, facts: NOTHING_KNOWN }, "no facts"))
    assert.isTrue(Object.isFrozen(NOTHING_KNOWN))
    const decision = decide({ takenAtMillis: 0, subject, requirements: null, facts: NOTHING_KNOWN })
    assert.strictEqual(decision._tag === "Denied" && decision.failure.code, "workspace_mismatch")
  })

  // Facts as no host would report them: about anything, in any combination, in any state.
  it.prop("nothing_known_is_denied (facts about nobody knows what)", [SnapshotSchema], ([snapshot]) => {
    const { scope, authority } = snapshot.subject
    assert.isTrue(isDenied({ ...snapshot, facts: NOTHING_KNOWN }))
    if (snapshot.facts.workspace?.id !== scope.workspaceId) assert.isTrue(isDenied(snapshot))
    if (authority._tag === "ActorBound" && snapshot.facts.initiator?.id !== authority.initiator) {
      assert.isTrue(isDenied(snapshot))
    }
  })

  it("unknown_is_never_allowed", () => {
    let allowed = 0
    always((snapshot) => {
      if (isDenied(snapshot)) return
      allowed += 1
      const { requirements, facts } = snapshot
      const { authority, scope } = snapshot.subject
      const { tenant, writeGate } = facts
      assertDenied({ ...snapshot, requirements: null }, "unknown operation")
      assertDenied(withFacts(snapshot, { workspace: null }), "unknown workspace")
      if (authority._tag === "ActorBound") {
        assertDenied(withFacts(snapshot, { initiator: null }), "unknown initiator")
        assertDenied(withFacts(snapshot, { membership: null }), "unknown membership")
      }
      if (scope.tenantId !== null) {
        assertDenied(withFacts(snapshot, { tenant: null }), "unknown tenant")
        if (authority._tag === "ActorBound")
          assertDenied(withFacts(snapshot, { entitlement: null }), "unknown entitlement")
        for (const state of ["suspended", "", "ACTIVE", " active", "__proto__", "constructor"]) {
          assertDenied(withFacts(snapshot, { tenant: tenant && { ...tenant, state } }), `unknown state ${state}`)
        }
      }
      if (requirements?.providerConnection) {
        assertDenied(withFacts(snapshot, { connection: null }), "unknown connection")
      }
      if (requirements?.writes) {
        assertDenied(withFacts(snapshot, { writeGate: null }), "unknown gate")
        assertDenied(
          withFacts(snapshot, { writeGate: writeGate && { ...writeGate, checkedAtMillis: null } }),
          "never checked"
        )
        for (const health of ["green", "", "OK", "ok "]) {
          assertDenied(
            withFacts(snapshot, { writeGate: writeGate && { ...writeGate, health } }),
            `unknown health ${health}`
          )
        }
      }
      for (const name of requirements?.prerequisites ?? []) {
        const others = facts.prerequisites.filter((fact) => fact.name !== name)
        assertDenied(withFacts(snapshot, { prerequisites: others }), "unknown prerequisite")
      }
    })
    assert.isAbove(allowed, 50, "the law was tried often enough")
  })

  it("unknown_is_never_allowed (facts of another shape than their type says)", () => {
    const { facts } = snapshotWith()
    const { workspace, initiator, connection, writeGate, prerequisites } = facts
    assert(workspace && initiator && connection && writeGate)
    for (const odd of [
      forced<boolean>("false"),
      forced<boolean>("f"),
      forced<boolean>(1),
      forced<boolean>(undefined)
    ]) {
      assertDenied(snapshotWith({ workspace: { ...workspace, open: odd } }), `open is ${odd}`)
      assertDenied(snapshotWith({ initiator: { ...initiator, disabled: odd } }), `disabled is ${odd}`)
      assertDenied(snapshotWith({ connection: { ...connection, enabled: odd } }), `enabled is ${odd}`)
      assertDenied(snapshotWith({ connection: { ...connection, connected: odd } }), `connected is ${odd}`)
      const [first] = prerequisites
      assert(first)
      assertDenied(snapshotWith({ prerequisites: [{ ...first, satisfied: odd }] }), `satisfied is ${odd}`)
    }
    // What `Date.parse` makes of a time it does not understand.
    assertDenied(
      snapshotWith({ writeGate: { ...writeGate, checkedAtMillis: Number.NaN } }),
      "checked at no time at all"
    )
  })

  it("losing_a_fact_never_allows", () => {
    always((snapshot) => {
      if (!isDenied(snapshot)) return
      for (const poorer of losses(snapshot)) assertDenied(poorer, "allowed by what was lost")
    })
  })

  it("growing_older_never_allows", () => {
    const laps = [1, 1000, DAY_MILLIS, DAY_MILLIS + 1, 365 * DAY_MILLIS]
    always((snapshot) => {
      if (!isDenied(snapshot)) return
      for (const lapMillis of laps) {
        assertDenied(
          { ...snapshot, takenAtMillis: snapshot.takenAtMillis + lapMillis },
          `allowed after ${lapMillis} ms`
        )
      }
    })
    fc.assert(
      fc.property(anyCase, fc.nat(), fc.nat(), (snapshot, sooner, later) => {
        const at = (lapMillis: number) => isDenied({ ...snapshot, takenAtMillis: snapshot.takenAtMillis + lapMillis })
        assert.isTrue(!at(sooner) || at(sooner + later))
      })
    )
  })

  it("other_tenants_facts_do_not_matter", () => {
    const elsewhere: ReadonlyArray<Partial<PrerequisiteFact>> = [
      { tenantId: otherTenantId },
      { workspaceId: otherWorkspaceId },
      { tenantId: otherTenantId, workspaceId: otherWorkspaceId }
    ]
    always((snapshot) => {
      const { facts, subject, requirements } = snapshot
      const { workspace, tenant, initiator, membership, entitlement, connection, writeGate } = facts
      const decision = decide(snapshot)
      const answers = answersTo(snapshot)
      const isTheSame = (changed: Partial<AuthorityFacts>, what: string) => {
        const other = withFacts(snapshot, changed)
        assertSame(decide(other), decision, what)
        answersTo(other).forEach((answer, index) => {
          assertSame(answer, answers[index], what)
        })
      }
      const { scope } = subject
      const user = subject.authority._tag === "ActorBound" ? subject.authority.initiator : null
      // What is about others is as good as nothing known …
      if (workspace !== null && workspace.id !== scope.workspaceId) isTheSame({ workspace: null }, "workspace")
      if (tenant !== null && tenant.id !== scope.tenantId) isTheSame({ tenant: null }, "tenant")
      if (initiator !== null && initiator.id !== user) isTheSame({ initiator: null }, "initiator")
      if (membership !== null && (membership.userId !== user || membership.workspaceId !== scope.workspaceId)) {
        isTheSame({ membership: null }, "membership")
      }
      if (entitlement !== null && (entitlement.userId !== user || entitlement.tenantId !== scope.tenantId)) {
        isTheSame({ entitlement: null }, "entitlement")
      }
      if (connection !== null && connection.id !== scope.providerConnectionId)
        isTheSame({ connection: null }, "connection")
      if (writeGate !== null && writeGate.tenantId !== scope.tenantId) isTheSame({ writeGate: null }, "write gate")
      // … and however much is added about others, it changes nothing.
      const foreign = (requirements?.prerequisites ?? []).flatMap((name) =>
        elsewhere.flatMap((place) =>
          [true, false].map((satisfied) => ({ name, workspaceId, tenantId: scope.tenantId, ...place, satisfied }))
        )
      )
      isTheSame({ prerequisites: [...foreign, ...facts.prerequisites, ...foreign] }, "prerequisites")
    })
    const ours = snapshotWith()
    assert.strictEqual(decide(ours)._tag, "Allowed")
    const theirs: ReadonlyArray<Partial<AuthorityFacts>> = [
      { workspace: { id: otherWorkspaceId, open: true } },
      { tenant: { id: otherTenantId, workspaceId, state: "active" } },
      { initiator: { id: otherUserId, disabled: false } },
      { entitlement: { userId, tenantId: otherTenantId } },
      { entitlement: { userId: otherUserId, tenantId } },
      { connection: { id: otherConnectionId, workspaceId, tenantId, enabled: true, connected: true } },
      { writeGate: { tenantId: otherTenantId, health: "ok", checkedAtMillis: ours.takenAtMillis } }
    ]
    for (const facts of theirs) assertDenied(snapshotWith(facts), "allowed by a fact about others")
  })

  it("same_snapshot_same_decision", () => {
    let before = snapshotWith()
    always((snapshot) => {
      const text = JSON.stringify(snapshot)
      const decision = decide(snapshot)
      const inText = JSON.stringify(decision)
      decide(before)
      assertSame(decide(snapshot), decision, "decided again")
      const copied: Snapshot = { ...snapshot, facts: structuredClone(snapshot.facts) }
      assertSame(decide(copied), decision, "decided from a copy")
      assert.strictEqual(JSON.stringify(decision), inText, "the decision is as it was")
      assert.strictEqual(JSON.stringify(snapshot), text, "the snapshot is as it was")
      assert.isTrue(Object.isFrozen(decision) && Object.isFrozen(decision.checks), "shared decisions cannot be changed")
      if (decision._tag === "Denied") assert.isTrue(Object.isFrozen(decision.failure))
      before = snapshot
    })
  })

  it("exactly_one_failed_check_iff_denied", () => {
    always((snapshot) => {
      const decision = decide(snapshot)
      const values = checks.map(({ key }) => decision.checks[key])
      const failedAt = values.indexOf("failed")
      assert.strictEqual(values.filter((value) => value === "failed").length, decision._tag === "Denied" ? 1 : 0)
      if (failedAt === -1) return
      assert.isTrue(values.slice(failedAt + 1).every((value) => value === "not_applicable"))
      const wire = onTheWire(snapshot.subject, decision)
      assert.isTrue(!wire.allowed && wire.reason_code !== null && wire.denial_class !== null)
    })
  })

  it("system_authority_is_declared_never_inferred", () => {
    always((snapshot) => {
      const { requirements, subject } = snapshot
      const asSystem = { ...snapshot, subject: { ...subject, authority: systemAuthority } }
      // Without the declaration no system run is allowed, whatever else holds.
      if (requirements?.systemAuthority !== true) assertDenied(asSystem, "not declared")
      assertDenied(withRequirements(asSystem, { systemAuthority: false }), "not declared")
      // What is declared for system runs is nothing to a person's run, so that there is nothing to fall back on.
      const asPerson = { ...snapshot, subject: { ...subject, authority: actorBound(userId) } }
      assert.deepStrictEqual(
        decide(withRequirements(asPerson, { systemAuthority: true })),
        decide(withRequirements(asPerson, { systemAuthority: false }))
      )
      assertDenied(withFacts(asPerson, { initiator: null }), "nobody started it")
      assert.strictEqual(onTheWire(asPerson.subject, decide(asPerson)).authority_mode, "actor_bound")
      assert.strictEqual(onTheWire(asSystem.subject, decide(asSystem)).authority_mode, "system_authority")
    })
  })
})
