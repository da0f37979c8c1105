/**
 * What dispatch asks of a request before anything is stored: that it fits what is declared, and that every store can keep it. Nothing
 * here is about legitimacy. Every dispatch comes by here, many of them together: plain functions, whose schemas are made out once.
 *
 * Contract sections 3 and 8. Law `system_authority_is_declared_never_inferred`.
 */
import {
  type AcceptedPayload,
  ActorKind,
  type AnyOperation,
  type Authority,
  actorBound,
  type Catalogue,
  type Digest,
  dispatchStep,
  type FirstStep,
  HostString,
  identityOf,
  OperationType,
  type OutsideQueue,
  Priority,
  ProviderConnectionId,
  RunId,
  type Slot,
  type Subject,
  systemAuthority,
  type TargetScope,
  TenantId,
  UserId,
  unstorable,
  WorkspaceId
} from "@countersign/domain"
import { Result, Schema } from "effect"
import {
  DispatchRefused,
  type DispatchRequest,
  type RefusalReason,
  type UntypedDispatchRequest
} from "./DispatchRequest.ts"
import { timesOf } from "./DispatchTimes.ts"
import { jsonBytes, PAYLOAD_MAX_BYTES } from "./JsonSize.ts"

/** What a dispatcher goes by. */
export interface DispatchTerms {
  readonly catalogue: Catalogue
  readonly digest: Digest
  /** {@link PAYLOAD_MAX_BYTES} unless given. */
  readonly payloadMaxBytes?: number
  /** The host's own queue, if it has one: dispatched ids are put into it. */
  readonly queue?: OutsideQueue["Service"]
}

/** When a request is checked, and what its run is called unless the request says. */
export interface Occasion {
  readonly nowMillis: number
  readonly freshId: string
  /** The slot of the schedule it is for. */
  readonly slot: Slot | null
}

/** What a check finds. */
export type Checked<A> = Result.Result<A, DispatchRefused>

/** The first step of a run, checked and ready to be stored. */
export const firstStepOf = (
  terms: DispatchTerms,
  request: UntypedDispatchRequest,
  { nowMillis, freshId, slot }: Occasion
): Checked<FirstStep> =>
  Result.flatMap(declared(terms.catalogue, request.operationType), (operation) => {
    const parts = Result.all({
      authority: authorityOf(request, operation),
      scope: scopeOf(request),
      accepted: acceptedPayload(operation, request.payload, terms.payloadMaxBytes),
      times: timesOf(request, operation.queuedLimitMillis, nowMillis),
      id: readRunId(request.runId === undefined ? freshId : request.runId),
      actorKind: actorKindOf(request),
      initiatorName: initiatorNameOf(request),
      priority: priorityOf(request, operation),
      retryOf: readRetryOf(request.retryOf ?? null)
    })
    return Result.flatMap(parts, ({ authority, scope, accepted, times, ...rest }) => {
      const subject: Subject = { operationType: operation.type, authority, scope }
      return Result.map(identified(subject, slot ?? accepted.identifying, terms.digest), (identity) =>
        dispatchStep(
          {
            ...rest,
            subject,
            payload: accepted.json,
            identity,
            maxAttempts: operation.attempts.maxAttempts,
            dispatchedAtMillis: nowMillis,
            expiresAtMillis: times.expiresAtMillis,
            slot
          },
          times.availableAtMillis
        )
      )
    })
  })

/** The same for a declared operation, with its payload typed. */
export const firstStepOfTyped = <Payload>(
  terms: DispatchTerms,
  request: DispatchRequest<Payload>,
  occasion: Occasion
): Checked<FirstStep> =>
  Result.flatMap(encoded(request), (payload) =>
    firstStepOf(terms, { ...request, operationType: request.operation.type, payload }, occasion)
  )

/** The payload of a typed request as JSON. */
export const encoded = <Payload>({
  operation,
  payload
}: Pick<DispatchRequest<Payload>, "operation" | "payload">): Checked<unknown> =>
  guarded(operation.type, () => operation.encode(payload))

const refuse = (reason: RefusalReason, advice: string) => Result.fail(new DispatchRefused({ reason, advice }))

/** Reads an id or a name, as its schema has it. */
const reader = <A>(schema: Schema.Codec<A, unknown>, name: string): ((raw: unknown) => Checked<A>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (raw) =>
    Result.mapError(
      decode(raw),
      (error) => new DispatchRefused({ reason: "id_invalid", advice: `the ${name} is not valid: ${error.message}` })
    )
}

const readOperationType = reader(OperationType, "operation type")
const readInitiator = reader(UserId, "initiator")
const readInitiatorName = reader(HostString, "initiator name")
const readWorkspaceId = reader(WorkspaceId, "workspace id")
const readTenantId = reader(Schema.NullOr(TenantId), "tenant id")
const readConnectionId = reader(Schema.NullOr(ProviderConnectionId), "connection id")
const readRunId = reader(RunId, "run id")
const readRetryOf = reader(Schema.NullOr(RunId), "id of the run to retry")
/** What kinds of system there are: everything but a person. */
const readSystemKind = reader(ActorKind.pick(["system", "scheduled", "integration"]), "actor kind")

const declared = (catalogue: Catalogue, type: string): Checked<AnyOperation> =>
  Result.flatMap(readOperationType(type), (known) => {
    const operation = catalogue.operations.get(known)
    return operation === undefined
      ? refuse("unknown_operation", `no operation “${type}” is declared; declared are ${namesIn(catalogue)}`)
      : Result.succeed(operation)
  })

const namesIn = ({ operations }: Catalogue): string => [...operations.keys()].sort().join(", ") || "none"

const authorityOf = (request: UntypedDispatchRequest, operation: AnyOperation): Checked<Authority> => {
  // A caller without types may have forgotten both: that is a person's run whose person is missing.
  if ("initiator" in request || request.systemAuthority !== true) {
    return Result.map(readInitiator("initiator" in request ? request.initiator : undefined), actorBound)
  }
  return operation.requirements.systemAuthority
    ? Result.succeed(systemAuthority)
    : refuse(
        "system_authority_not_declared",
        `${operation.type} does not declare that it may run without a person; name the initiator`
      )
}

const actorKindOf = (request: UntypedDispatchRequest): Checked<ActorKind> =>
  "initiator" in request ? Result.succeed("human") : readSystemKind(request.actorKind ?? "system")

const initiatorNameOf = (request: UntypedDispatchRequest): Checked<string | null> =>
  "initiator" in request && request.initiatorName !== undefined
    ? readInitiatorName(request.initiatorName)
    : Result.succeed(null)

const isPriority = Schema.is(Priority)

/** Only what is left out has a default: null is what a caller without types makes of a forgotten value. */
const priorityOf = (
  { priority }: UntypedDispatchRequest,
  operation: Pick<AnyOperation, "priority">
): Checked<Priority> => {
  const asked = priority === undefined ? operation.priority : priority
  return isPriority(asked)
    ? Result.succeed(asked)
    : refuse("priority_invalid", `the priority must be ${Priority.literals.join(", ")}, is ${String(asked)}`)
}

const scopeOf = ({ workspaceId, tenantId, providerConnectionId }: UntypedDispatchRequest): Checked<TargetScope> =>
  Result.all({
    workspaceId: readWorkspaceId(workspaceId),
    tenantId: readTenantId(tenantId ?? null),
    providerConnectionId: readConnectionId(providerConnectionId ?? null)
  })

const misfit = (type: OperationType, problem: unknown) =>
  new DispatchRefused({
    reason: "payload_invalid",
    advice: `the payload does not fit ${type}: ${problem instanceof Error ? problem.message : String(problem)}`
  })

/**
 * Does what a host's declaration says with what a caller gave. Whatever that throws, such as running out of stack where a
 * schema's own recursion is followed too deep, comes from this payload and refuses this dispatch alone.
 */
const guarded = <A>(type: OperationType, attempt: () => Result.Result<A, unknown>): Checked<A> =>
  Result.mapError(
    Result.flatMap(Result.try(attempt), (result) => result),
    (problem) => misfit(type, problem)
  )

const acceptedPayload = (
  operation: AnyOperation,
  payload: unknown,
  maxBytes = PAYLOAD_MAX_BYTES
): Checked<AcceptedPayload> =>
  Result.flatMap(
    guarded(operation.type, () => operation.accept(payload)),
    (accepted) => {
      const problem = unstorable(accepted.json)
      if (problem !== null) return refuse("payload_invalid", `the payload cannot be stored: ${problem}`)
      const bytes = jsonBytes(accepted.json)
      return bytes <= maxBytes
        ? Result.succeed(accepted)
        : refuse(
            "payload_too_large",
            `the payload has ${bytes} bytes of JSON, at most ${maxBytes} are taken; store it elsewhere and pass a reference`
          )
    }
  )

const identified = (subject: Subject, identifying: Schema.Json, digest: Digest): Checked<string> =>
  guarded(subject.operationType, () => Result.succeed(identityOf(subject, identifying, digest)))
