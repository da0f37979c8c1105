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
  knownNames,
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
  type RequestedTerms,
  type UntypedDispatchRequest
} from "./DispatchRequest.ts"
import { timesOf } from "./DispatchTimes.ts"
import { jsonBytes, PAYLOAD_MAX_BYTES } from "./JsonSize.ts"
import { messageOf } from "./messageOf.ts"

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
  occasion: Occasion
): Checked<FirstStep> =>
  checking(() => stepOf(terms, request, declared(terms.catalogue, request.operationType), request.payload, occasion))

/** The same for a declared operation, with its payload typed. */
export const firstStepOfTyped = <Payload>(
  terms: DispatchTerms,
  request: DispatchRequest<Payload>,
  occasion: Occasion
): Checked<FirstStep> =>
  checking(() => {
    const payload = encodedPayload(request)
    return stepOf(terms, request, declared(terms.catalogue, request.operation.type), payload, occasion)
  })

/** The payload of a typed request as JSON. */
export const encoded = <Payload>(
  request: Pick<DispatchRequest<Payload>, "operation" | "payload">
): Checked<Schema.Json> => checking(() => encodedPayload(request))

/** What the checks below throw, as a value. Only a refusal costs anything: most requests are right. */
const checking = <A>(check: () => A): Checked<A> => {
  try {
    return Result.succeed(check())
  } catch (problem) {
    if (problem instanceof DispatchRefused) return Result.fail(problem)
    throw problem
  }
}

const refuse = (reason: RefusalReason, advice: string): never => {
  throw new DispatchRefused({ reason, advice })
}

const stepOf = (
  terms: DispatchTerms,
  request: RequestedTerms,
  operation: AnyOperation,
  payload: unknown,
  { nowMillis, freshId, slot }: Occasion
): FirstStep => {
  const authority = authorityOf(request, operation)
  const subject: Subject = { operationType: operation.type, authority, scope: scopeOf(request) }
  const { json, identifying } = acceptedPayload(operation, payload, terms.payloadMaxBytes)
  const times = timesOf(request, operation.queuedLimitMillis, nowMillis)
  if (Result.isFailure(times)) throw times.failure
  const { availableAtMillis, expiresAtMillis } = times.success
  return dispatchStep(
    {
      id: readRunId(request.runId === undefined ? freshId : request.runId),
      subject,
      actorKind: actorKindOf(request),
      initiatorName: initiatorNameOf(request),
      payload: json,
      maxAttempts: operation.attempts.maxAttempts,
      priority: priorityOf(request, operation),
      dispatchedAtMillis: nowMillis,
      expiresAtMillis,
      retryOf: request.retryOf == null ? null : readRetryOf(request.retryOf),
      slot,
      identity: guarded(operation.type, () => identityOf(subject, slot ?? identifying, terms.digest))
    },
    availableAtMillis
  )
}

/** Reads what its schema takes. */
const reader = <A>(schema: Schema.Codec<A, unknown>, name: string): ((raw: unknown) => A) => {
  const is = Schema.is(schema)
  const decode = Schema.decodeUnknownResult(schema)
  return (raw) => {
    if (is(raw)) return raw
    return Result.getOrThrowWith(
      decode(raw),
      ({ message }) => new DispatchRefused({ reason: "id_invalid", advice: `the ${name} is not valid: ${message}` })
    )
  }
}

/** The same for names, of which a few come with request after request. */
const nameReader = <Name extends string>(schema: Schema.Codec<Name, string>, name: string) => {
  const known = knownNames(schema)
  const read = reader(schema, name)
  return (raw: unknown): Name => (typeof raw === "string" ? known(raw) : null) ?? read(raw)
}

const readOperationType = nameReader(OperationType, "operation type")
const readInitiator = nameReader(UserId, "initiator")
const readInitiatorName = nameReader(HostString, "initiator name")
const readWorkspaceId = nameReader(WorkspaceId, "workspace id")
const readTenantId = nameReader(TenantId, "tenant id")
const readConnectionId = nameReader(ProviderConnectionId, "connection id")
const readRunId = reader(RunId, "run id")
const readRetryOf = reader(RunId, "id of the run to retry")
/** What kinds of system there are: everything but a person. */
const readSystemKind = reader(ActorKind.pick(["system", "scheduled", "integration"]), "actor kind")

const declared = (catalogue: Catalogue, type: string): AnyOperation =>
  catalogue.operations.get(readOperationType(type)) ??
  refuse("unknown_operation", `no operation “${type}” is declared; declared are ${namesIn(catalogue)}`)

const namesIn = ({ operations }: Catalogue): string => [...operations.keys()].sort().join(", ") || "none"

const authorityOf = (request: RequestedTerms, operation: AnyOperation): Authority => {
  // A caller without types may have forgotten both: that is a person's run whose person is missing.
  if ("initiator" in request || request.systemAuthority !== true) {
    return actorBound(readInitiator("initiator" in request ? request.initiator : undefined))
  }
  return operation.requirements.systemAuthority
    ? systemAuthority
    : refuse(
        "system_authority_not_declared",
        `${operation.type} does not declare that it may run without a person; name the initiator`
      )
}

const actorKindOf = (request: RequestedTerms): ActorKind =>
  "initiator" in request ? "human" : readSystemKind(request.actorKind ?? "system")

const initiatorNameOf = (request: RequestedTerms): string | null =>
  "initiator" in request && request.initiatorName !== undefined ? readInitiatorName(request.initiatorName) : null

const isPriority = Schema.is(Priority)

/** Only what is left out has a default: null is what a caller without types makes of a forgotten value. */
const priorityOf = ({ priority }: RequestedTerms, operation: Pick<AnyOperation, "priority">): Priority => {
  const asked = priority === undefined ? operation.priority : priority
  return isPriority(asked)
    ? asked
    : refuse("priority_invalid", `the priority must be ${Priority.literals.join(", ")}, is ${String(asked)}`)
}

const scopeOf = ({ workspaceId, tenantId, providerConnectionId }: RequestedTerms): TargetScope => ({
  workspaceId: readWorkspaceId(workspaceId),
  tenantId: tenantId == null ? null : readTenantId(tenantId),
  providerConnectionId: providerConnectionId == null ? null : readConnectionId(providerConnectionId)
})

const misfit = (type: OperationType, problem: unknown) =>
  new DispatchRefused({
    reason: "payload_invalid",
    advice: `the payload does not fit ${type}: ${messageOf(problem)}`
  })

/**
 * Does what a host's declaration says with what a caller gave. Whatever that throws, such as running out of stack where a
 * schema's own recursion is followed too deep, comes from this payload and refuses this dispatch alone.
 */
const guarded = <A>(type: OperationType, attempt: () => A): A => {
  try {
    return attempt()
  } catch (problem) {
    throw misfit(type, problem)
  }
}

const encodedPayload = <Payload>({
  operation,
  payload
}: Pick<DispatchRequest<Payload>, "operation" | "payload">): Schema.Json =>
  guarded(operation.type, () => Result.getOrThrow(operation.encode(payload)))

const acceptedPayload = (operation: AnyOperation, payload: unknown, maxBytes = PAYLOAD_MAX_BYTES): AcceptedPayload => {
  const accepted = guarded(operation.type, () => Result.getOrThrow(operation.accept(payload)))
  const problem = unstorable(accepted.json)
  if (problem !== null) return refuse("payload_invalid", `the payload cannot be stored: ${problem}`)
  const bytes = jsonBytes(accepted.json)
  return bytes <= maxBytes
    ? accepted
    : refuse(
        "payload_too_large",
        `the payload has ${bytes} bytes of JSON, at most ${maxBytes} are taken; store it elsewhere and pass a reference`
      )
}
