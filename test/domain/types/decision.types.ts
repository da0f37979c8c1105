/** Type laws of the decision; checked by the compiler, not run. */
import {
  type AuthorityFacts,
  actorBound,
  authorize,
  type Decision,
  decide,
  type Queued,
  type Requirements,
  type Snapshot,
  type TenantId,
  type UserId,
  type WorkspaceId
} from "@countersign/domain"
import type { Effect } from "effect"

declare const snapshot: Snapshot
declare const facts: AuthorityFacts
declare const requirements: Requirements
declare const queued: Queued
declare const decision: Decision
declare const workspaceId: WorkspaceId
declare const tenantId: TenantId
declare const userId: UserId

decide(snapshot)

// @ts-expect-error a decision is a value, not something still to be run
const effect: Effect.Effect<Decision> = decide(snapshot)
// @ts-expect-error nothing but the snapshot goes into it
decide(snapshot, { allowEverything: true })
// @ts-expect-error every fact is known or said to be unknown, none is left out
decide({ ...snapshot, facts: { workspace: facts.workspace } })
// @ts-expect-error a fact is null when it is unknown, not undefined
decide({ ...snapshot, facts: { ...facts, tenant: undefined } })
// @ts-expect-error facts are not a snapshot
decide(facts)
// @ts-expect-error an allowed decision has no failure, one has to look first
decision.failure
// @ts-expect-error authority is of somebody
actorBound(null)
// @ts-expect-error there is no third mode, and no default
const authority: Snapshot["subject"]["authority"] = { _tag: "Anybody" }
// @ts-expect-error an operation runs in at least one state of its tenant
const nowhere: Requirements = { ...requirements, tenantStates: [] }
// @ts-expect-error a permit is asked for with a snapshot, not with a decision
authorize(queued, decision)

// ---- ids are not exchanged for one another

// @ts-expect-error a tenant is no workspace
const workspace: WorkspaceId = tenantId
// @ts-expect-error a workspace is no person
const person: UserId = workspaceId
// @ts-expect-error a text is no id before it was checked
const tenant: TenantId = "tenant"

export { authority, effect, nowhere, person, tenant, userId, workspace }
