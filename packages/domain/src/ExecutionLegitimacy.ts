/**
 * The decision on the wire: one JSON object, no further properties. Stored with blocked runs, shown as a diagnostic, and
 * published as JSON Schema 2020-12 (`schema/execution-legitimacy.schema.json`, generated from the code below).
 *
 * Contract section 5.
 */
import { Schema } from "effect"
import { AuthorityMode, initiatorOf, modeOf } from "./Authority.ts"
import { Checks, type Decision, DenialClass, ReasonCode } from "./Decision.ts"
import { OperationType, ProviderConnectionId, TenantId, UserId, WorkspaceId } from "./Ids.ts"
import type { Subject } from "./Snapshot.ts"

/** The initiator as the wire names them. */
export const WireInitiator = Schema.Struct({
  identity_type: Schema.Literals(["user", "system"]),
  user_id: Schema.NullOr(UserId)
})

const AllowedOnTheWire = Schema.Struct({
  operation_type: OperationType,
  authority_mode: AuthorityMode,
  allowed: Schema.Literal(true),
  retryable: Schema.Literal(false),
  reason_code: Schema.Null,
  denial_class: Schema.Null,
  initiator: Schema.NullOr(WireInitiator),
  target_scope: Schema.Struct({
    workspace_id: WorkspaceId,
    tenant_id: Schema.NullOr(TenantId),
    provider_connection_id: Schema.NullOr(ProviderConnectionId)
  }),
  checks: Checks
})

/** The wire object of a denial. */
export const DeniedOnTheWire = Schema.Struct({
  ...AllowedOnTheWire.fields,
  allowed: Schema.Literal(false),
  retryable: Schema.Boolean,
  reason_code: ReasonCode,
  denial_class: DenialClass
})
export type DeniedOnTheWire = typeof DeniedOnTheWire.Type

/** The wire object; `allowed` if and only if `reason_code` and `denial_class` are null. */
export const ExecutionLegitimacy = Schema.Union([AllowedOnTheWire, DeniedOnTheWire]).annotate({
  identifier: "ExecutionLegitimacy",
  title: "Execution legitimacy",
  description: "A decision about one queued run: whether it may start now, and if not, why."
})
export type ExecutionLegitimacy = typeof ExecutionLegitimacy.Type

const about = ({ operationType, authority, scope }: Subject) => {
  const initiator = initiatorOf(authority)
  return {
    operation_type: operationType,
    authority_mode: modeOf(authority),
    initiator: { identity_type: initiator === null ? ("system" as const) : ("user" as const), user_id: initiator },
    target_scope: {
      workspace_id: scope.workspaceId,
      tenant_id: scope.tenantId,
      provider_connection_id: scope.providerConnectionId
    }
  }
}

/** The wire object of a denial about this subject. */
export const deniedOnTheWire = (subject: Subject, denied: Decision & { readonly _tag: "Denied" }): DeniedOnTheWire => ({
  ...about(subject),
  allowed: false,
  retryable: denied.retryable,
  reason_code: denied.failure.code,
  denial_class: denied.denialClass,
  checks: denied.checks
})

/** The wire object of any decision about this subject. */
export const onTheWire = (subject: Subject, decision: Decision): ExecutionLegitimacy =>
  decision._tag === "Denied"
    ? deniedOnTheWire(subject, decision)
    : {
        ...about(subject),
        allowed: true,
        retryable: false,
        reason_code: null,
        denial_class: null,
        checks: decision.checks
      }
