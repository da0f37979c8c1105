/**
 * What a host declares about a kind of work: its type, what it requires, the shape of its payload. No behaviour: handlers
 * belong to the worker.
 *
 * Contract sections 2, 4 and 7.
 */
import { Result, Schema } from "effect"
import { Capability } from "./Capability.ts"
import { OperationType, PrerequisiteName } from "./Ids.ts"
import { WRITE_GATE_MAX_AGE_MILLIS } from "./WriteGate.ts"

/** The lifecycle states of a tenant that the contract knows. */
export const TenantState = Schema.Literals(["draft", "onboarding", "active", "archived"])
export type TenantState = typeof TenantState.Type

/** The part of a declaration that a decision reads; it is stored with every snapshot. */
export const Requirements = Schema.Struct({
  /** What the initiator must hold; null when nothing is asked. */
  capability: Schema.NullOr(Capability),
  /** Whether the operation may run with no person behind it. */
  systemAuthority: Schema.Boolean,
  /** The tenant states it may run in. */
  tenantStates: Schema.NonEmptyArray(TenantState),
  providerConnection: Schema.Boolean,
  /** Writing operations pass the write gate. */
  writes: Schema.Boolean,
  writeGateMaxAgeMillis: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  prerequisites: Schema.Array(PrerequisiteName)
})
export type Requirements = typeof Requirements.Type

/** How often an operation is tried and how long one attempt may take. */
export interface AttemptPolicy {
  /** Counted attempts, at least 1. */
  readonly maxAttempts: number
  /** One attempt is interrupted after this long. */
  readonly timeoutMillis: number
  /** Wait before attempt 2; doubled for each further one. */
  readonly backoffMillis: number
  /** The longest wait between two attempts. */
  readonly backoffMaxMillis: number
}

/** A schema for payloads and results: decoded and encoded without services. */
export type PlainSchema<A> = Schema.Codec<A, unknown, never, never>

/** A payload that decoded: its JSON as it will be stored, and the part of it that tells two runs apart. */
export interface AcceptedPayload {
  readonly json: Schema.Json
  readonly identifying: Schema.Json
}

/** A declared operation. Build it with {@link Operation.make}. */
export interface Operation<Payload = unknown, Result = unknown> {
  readonly type: OperationType
  /** The operation in words, for people. */
  readonly label: string
  readonly requirements: Requirements
  readonly payload: PlainSchema<Payload>
  readonly result: PlainSchema<Result>
  /** Decodes a payload given as JSON; fails with what is wrong with it. */
  readonly accept: (json: unknown) => Result.Result<AcceptedPayload, Schema.SchemaError>
  readonly attempts: AttemptPolicy
}

/** What {@link Operation.make} takes; everything but `type` has a careful default. */
export interface Declaration<Payload, Result> {
  readonly type: string
  readonly label?: string
  readonly capability?: string | null
  readonly systemAuthority?: boolean
  readonly tenantStates?: readonly [TenantState, ...ReadonlyArray<TenantState>]
  readonly providerConnection?: boolean
  readonly writes?: boolean
  readonly writeGateMaxAgeMillis?: number
  readonly prerequisites?: ReadonlyArray<string>
  readonly payload: PlainSchema<Payload>
  /** What a handler returns; `Schema.Void` when it returns nothing. */
  readonly result: PlainSchema<Result>
  /** The part of the payload that tells two runs apart (section 8); the whole payload unless given. */
  readonly identifiedBy?: (payload: Payload) => Schema.Json
  readonly attempts?: Partial<AttemptPolicy>
}

/** Three attempts, five minutes each, waiting 1 s, 2 s, … but never over ten minutes in between. */
export const DEFAULT_ATTEMPTS: AttemptPolicy = {
  maxAttempts: 3,
  timeoutMillis: 5 * 60_000,
  backoffMillis: 1_000,
  backoffMaxMillis: 10 * 60_000
}

/**
 * Declares an operation.
 *
 * Throws on names that are not valid and on limits that make no sense: declarations are written by the host's
 * programmers and checked once, at start-up.
 */
const make = <Payload, Result>(declaration: Declaration<Payload, Result>): Operation<Payload, Result> => ({
  type: OperationType.make(declaration.type),
  label: declaration.label ?? declaration.type,
  requirements: Requirements.make({
    capability: declaration.capability == null ? null : Capability.make(declaration.capability),
    systemAuthority: declaration.systemAuthority ?? false,
    tenantStates: declaration.tenantStates ?? ["active"],
    providerConnection: declaration.providerConnection ?? false,
    writes: declaration.writes ?? false,
    writeGateMaxAgeMillis: declaration.writeGateMaxAgeMillis ?? WRITE_GATE_MAX_AGE_MILLIS,
    prerequisites: (declaration.prerequisites ?? []).map((name) => PrerequisiteName.make(name))
  }),
  payload: declaration.payload,
  result: declaration.result,
  accept: acceptor(declaration),
  attempts: checkedPolicy(declaration.type, { ...DEFAULT_ATTEMPTS, ...declaration.attempts })
})

const acceptor = <Payload, Result>(declaration: Declaration<Payload, Result>): Operation["accept"] => {
  const codec = Schema.toCodecJson(declaration.payload)
  const decode = Schema.decodeUnknownResult(codec)
  const encode = Schema.encodeResult(codec)
  return (json) =>
    Result.flatMap(decode(json), (payload) =>
      Result.map(encode(payload), (stored) => ({
        json: stored,
        identifying: declaration.identifiedBy === undefined ? stored : declaration.identifiedBy(payload)
      }))
    )
}

const checkedPolicy = (type: string, policy: AttemptPolicy): AttemptPolicy => {
  for (const [name, value] of Object.entries(policy)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`operation ${type}: attempts.${name} must be a whole number of at least 1, is ${value}`)
    }
  }
  return policy
}

export const Operation = { make }
