/**
 * Dispatch: checks what a host asks for against what is declared, and stores a queued run. It asks nothing about legitimacy:
 * that is asked when a worker is about to act, and only then counts.
 *
 * Contract sections 3 and 8. Laws `system_authority_is_declared_never_inferred`, `denial_spends_no_attempt`.
 */
import {
  type AcceptedPayload,
  ActorKind,
  type AnyOperation,
  type Authority,
  actorBound,
  type Catalogue,
  type Digest,
  type Dispatch,
  type Dispatched,
  dispatchStep,
  type FirstStep,
  HostString,
  identityOf,
  OperationType,
  type OutsideQueue,
  Priority,
  RunId,
  type RunStore,
  type ScheduleId,
  type Slot,
  type StoreUnavailable,
  type Subject,
  slotRunId,
  systemAuthority,
  TargetScope,
  type UnitOfWork,
  UserId,
  unstorable
} from "@countersign/domain"
import { Clock, Effect, Result, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import {
  DispatchRefused,
  type DispatchRequest,
  type RefusalReason,
  type RequestedTarget,
  type UntypedDispatchRequest
} from "./DispatchRequest.ts"
import { timesOf } from "./DispatchTimes.ts"
import { storeEnqueued } from "./Enqueueing.ts"
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

/** What dispatching needs. */
export type DispatchPorts = RunStore | UnitOfWork | SecureRandom.SecureRandom

type Prepared = Effect.Effect<FirstStep, DispatchRefused, SecureRandom.SecureRandom>
type Stored = Effect.Effect<Dispatched, DispatchRefused | StoreUnavailable, DispatchPorts>

/**
 * Stores a queued run, or answers with the active run of the same identity. Inside the host's own transaction it is stored
 * with it, or not at all.
 */
export const dispatchUntyped = (terms: DispatchTerms, request: UntypedDispatchRequest): Stored =>
  Effect.flatMap(prepare(terms, request), (first) => storeEnqueued(first, terms.queue))

/** The same for a declared operation, with its payload typed. */
export const dispatchTyped = <Payload>(terms: DispatchTerms, request: DispatchRequest<Payload>): Stored =>
  Effect.flatMap(prepareTyped(terms, request), (first) => storeEnqueued(first, terms.queue))

/** The first step of such a run; for hosts that store it through a connection of their own. */
export const prepareTyped = <Payload>(terms: DispatchTerms, request: DispatchRequest<Payload>): Prepared =>
  Effect.flatMap(encoded(request), (payload) =>
    prepare(terms, { ...request, operationType: request.operation.type, payload })
  )

/** What is dispatched at each slot of a schedule. */
export interface SlotRequest extends RequestedTarget {
  readonly id: ScheduleId
  readonly operationType: string
  readonly payload: unknown
}

/**
 * The first step of the run of one slot of a schedule, under system authority. Its id follows from the slot, so that the same slot
 * dispatched again is answered with the run there is; its identity too, so that it is not taken for the run of another slot.
 */
export const prepareSlot = (
  terms: DispatchTerms,
  { id, operationType, payload, workspaceId, tenantId, providerConnectionId }: SlotRequest,
  slotMillis: number
): Prepared => {
  const slot: Slot = { scheduleId: id, slotMillis }
  const runId = slotRunId(slot, terms.digest)
  const target = { workspaceId, tenantId: tenantId ?? null, providerConnectionId: providerConnectionId ?? null }
  return prepare(
    terms,
    { ...target, operationType, payload, runId, systemAuthority: true, actorKind: "scheduled" },
    slot
  )
}

/** The first step of a run, checked and ready to be stored. */
const prepare = (terms: DispatchTerms, request: UntypedDispatchRequest, slot: Slot | null = null): Prepared =>
  Effect.gen(function* () {
    const operation = yield* Effect.fromResult(declared(terms.catalogue, request.operationType))
    const authority = yield* Effect.fromResult(authorityOf(request, operation))
    const scope = yield* Effect.fromResult(scopeOf(request))
    const accepted = yield* Effect.fromResult(acceptedPayload(operation, request.payload, terms.payloadMaxBytes))
    const subject: Subject = { operationType: operation.type, authority, scope }
    const random = yield* SecureRandom.SecureRandom
    const nowMillis = yield* Clock.currentTimeMillis
    const times = yield* Effect.fromResult(timesOf(request, operation.queuedLimitMillis, nowMillis))
    const dispatched: Dispatch = {
      id: yield* Effect.fromResult(
        readId(RunId, "run id", request.runId === undefined ? yield* random.uuidV7() : request.runId)
      ),
      subject,
      actorKind: yield* Effect.fromResult(actorKindOf(request)),
      initiatorName: yield* Effect.fromResult(initiatorNameOf(request)),
      payload: accepted.json,
      identity: yield* Effect.fromResult(identified(subject, slot ?? accepted.identifying, terms.digest)),
      maxAttempts: operation.attempts.maxAttempts,
      priority: yield* Effect.fromResult(priorityOf(request, operation)),
      dispatchedAtMillis: nowMillis,
      expiresAtMillis: times.expiresAtMillis,
      retryOf: yield* Effect.fromResult(
        readId(Schema.NullOr(RunId), "id of the run to retry", request.retryOf ?? null)
      ),
      slot
    }
    return dispatchStep(dispatched, times.availableAtMillis)
  })

const refuse = (reason: RefusalReason, advice: string) => Result.fail(new DispatchRefused({ reason, advice }))

type Checked<A> = Result.Result<A, DispatchRefused>

const declared = (catalogue: Catalogue, type: string): Checked<AnyOperation> =>
  Result.flatMap(readId(OperationType, "operation type", type), (known) => {
    const operation = catalogue.operations.get(known)
    return operation === undefined
      ? refuse("unknown_operation", `no operation “${type}” is declared; declared are ${namesIn(catalogue)}`)
      : Result.succeed(operation)
  })

const namesIn = ({ operations }: Catalogue): string => [...operations.keys()].sort().join(", ") || "none"

const authorityOf = (request: UntypedDispatchRequest, operation: AnyOperation): Checked<Authority> => {
  // A caller without types may have forgotten both: that is a person's run whose person is missing.
  if ("initiator" in request || request.systemAuthority !== true) {
    const initiator = "initiator" in request ? request.initiator : undefined
    return Result.map(readId(UserId, "initiator", initiator), actorBound)
  }
  return operation.requirements.systemAuthority
    ? Result.succeed(systemAuthority)
    : refuse(
        "system_authority_not_declared",
        `${operation.type} does not declare that it may run without a person; name the initiator`
      )
}

/** What kinds of system there are: everything but a person. */
const SystemKind = ActorKind.pick(["system", "scheduled", "integration"])

const actorKindOf = (request: UntypedDispatchRequest): Checked<ActorKind> =>
  "initiator" in request ? Result.succeed("human") : readId(SystemKind, "actor kind", request.actorKind ?? "system")

const initiatorNameOf = (request: UntypedDispatchRequest): Checked<string | null> =>
  "initiator" in request && request.initiatorName !== undefined
    ? readId(HostString, "initiator name", request.initiatorName)
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
  Result.gen(function* () {
    const { fields } = TargetScope
    return {
      workspaceId: yield* readId(fields.workspaceId, "workspace id", workspaceId),
      tenantId: yield* readId(fields.tenantId, "tenant id", tenantId ?? null),
      providerConnectionId: yield* readId(fields.providerConnectionId, "connection id", providerConnectionId ?? null)
    }
  })

const readId = <A>(schema: Schema.Codec<A, unknown>, name: string, raw: unknown): Checked<A> =>
  Result.mapError(
    Schema.decodeUnknownResult(schema)(raw),
    (error) => new DispatchRefused({ reason: "id_invalid", advice: `the ${name} is not valid: ${error.message}` })
  )

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

/** The payload of a typed request as JSON. */
export const encoded = <Payload>({
  operation,
  payload
}: Pick<DispatchRequest<Payload>, "operation" | "payload">): Effect.Effect<unknown, DispatchRefused> =>
  Effect.suspend(() =>
    Effect.fromResult(
      guarded(operation.type, () => Schema.encodeUnknownResult(Schema.toCodecJson(operation.payload))(payload))
    )
  )
