import {
  authorize,
  CapabilityRegistry,
  decide,
  dispatch,
  explain,
  Operation,
  Role,
  RunId,
  Snapshot,
  start
} from "@countersign/domain"
import { Result, Schema } from "effect"

// What the host declares: an operation, and who may do it.
const restore = Operation.make({
  type: "restore.execute",
  capability: "restore.execute",
  writes: true,
  payload: Schema.Struct({ backup: Schema.String }),
  result: Schema.Void
})
const registry = CapabilityRegistry.make({ operator: ["restore.execute"], readonly: [] })

// What is known at this moment, about the run's own target and initiator. Here the role was taken away after dispatch.
const factsWith = (role: string) => ({
  workspace: { id: "acme", open: true },
  tenant: { id: "acme-eu", workspaceId: "acme", state: "active" },
  initiator: { id: "ada", disabled: false },
  membership: { workspaceId: "acme", userId: "ada", capabilities: [...registry.capabilitiesOf(Role.make(role))] },
  entitlement: { userId: "ada", tenantId: "acme-eu" },
  connection: null,
  writeGate: { tenantId: "acme-eu", health: "ok", checkedAtMillis: 1_790_000_000_000 },
  prerequisites: []
})
const snapshotWith = (role: string) =>
  Schema.decodeUnknownSync(Snapshot)({
    takenAtMillis: 1_790_000_060_000,
    subject: {
      operationType: restore.type,
      authority: { _tag: "ActorBound", initiator: "ada" },
      scope: { workspaceId: "acme", tenantId: "acme-eu", providerConnectionId: null }
    },
    requirements: restore.requirements,
    facts: factsWith(role)
  })

// decide: whether it may start now.
const decision = decide(snapshotWith("readonly"))
console.log(decision._tag, decision._tag === "Denied" ? decision.failure.code : "")

// explain: everything that is in the way, and the smallest change that would allow it.
const { remedy } = explain(snapshotWith("readonly"))
console.log(remedy._tag === "ChangeFacts" ? remedy.changes : remedy._tag)

// authorize: the same decision, sealed to one run and one admission; the only key to running.
const queued = dispatch({
  id: RunId.make("0190163d-8694-739b-aea5-966c26f8ad91"),
  subject: snapshotWith("operator").subject,
  actorKind: "human",
  initiatorName: "Ada",
  payload: { backup: "monday" },
  identity: "restore of monday",
  maxAttempts: restore.attempts.maxAttempts,
  priority: "normal",
  dispatchedAtMillis: 1_790_000_000_000,
  expiresAtMillis: 1_790_000_000_000 + restore.queuedLimitMillis,
  retryOf: null,
  slot: null
})
const running = Result.flatMap(authorize(queued, snapshotWith("operator")), (permit) => start(queued, permit))
console.log(Result.isSuccess(running) ? running.success._tag : running.failure._tag)
