/**
 * What a host declares about a kind of work: its type, what it requires, the shape of its payload. No behaviour: handlers
 * belong to the worker.
 *
 * Contract sections 2, 4 and 7.
 */
import { Result, Schema } from "effect"
import { LARGEST_COUNT, LONGEST_SPAN_MILLIS, LONGEST_WAIT_MILLIS, type Range, rangeProblem } from "./Bounds.ts"
import { Capability } from "./Capability.ts"
import type { ConcurrencyLimits } from "./Concurrency.ts"
import { CountKey, OperationType, PrerequisiteName } from "./Ids.ts"
import { DEFAULT_PRIORITY, Priority } from "./Priority.ts"
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

/**
 * What a *retryable* denial does to a queued run of an operation that would rather wait: the run is held, visibly and with its
 * reason, asked about again, and blocked only when the deadline has passed.
 */
export interface HoldPolicy {
  /** How long to wait before asking again; the facts may be asked sooner when they change. */
  readonly retryMillis: number
  /** How long a run may be held in a row. */
  readonly deadlineMillis: number
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
  /** What a member entitled to a run's tenant must hold to look at it; null when nothing more is asked. */
  readonly viewCapability: Capability | null
  readonly payload: PlainSchema<Payload>
  readonly result: PlainSchema<Result>
  /** Decodes a payload given as JSON; fails with what is wrong with it. */
  readonly accept: (json: unknown) => Result.Result<AcceptedPayload, Schema.SchemaError>
  /** The JSON of a payload; fails with what is wrong with it. */
  readonly encode: (payload: unknown) => Result.Result<Schema.Json, Schema.SchemaError>
  readonly attempts: AttemptPolicy
  /** Null: a denial blocks at once. */
  readonly hold: HoldPolicy | null
  /**
   * How long after it could first be taken a run may still be in the queue; then it is given up (`run.stale_queued`), also where it waits
   * for another attempt.
   */
  readonly queuedLimitMillis: number
  /** What its runs have unless their dispatch says otherwise. */
  readonly priority: Priority
  /** Null: as many at once as there are hands. */
  readonly concurrency: ConcurrencyLimits | null
  /** The names of what its handler may count. */
  readonly countKeys: ReadonlyArray<string>
}

/** What {@link Operation.make} takes; everything but `type` has a careful default. */
export interface Declaration<Payload, Result> {
  readonly type: string
  readonly label?: string
  readonly capability?: string | null
  /** Who may look at its runs (section 9): whoever is in scope, unless a capability is named. */
  readonly viewCapability?: string | null
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
  /** Hold runs that are denied for a reason that may pass; they are blocked at once unless given. */
  readonly hold?: HoldPolicy
  /** {@link QUEUED_LIMIT_MILLIS} unless given. */
  readonly queuedLimitMillis?: number
  /** {@link DEFAULT_PRIORITY} unless given. */
  readonly priority?: Priority
  /** How many may run at once, over all workers: in all, and for each tenant. As many as there are hands unless given. */
  readonly concurrency?: { readonly total?: number; readonly perTenant?: number }
  /** What the handler may count, such as `["deleted", "failed"]`; nothing unless given. */
  readonly countKeys?: ReadonlyArray<string>
}

/** Three attempts, five minutes each, waiting 1 s, 2 s, … but never over ten minutes in between. */
export const DEFAULT_ATTEMPTS: AttemptPolicy = {
  maxAttempts: 3,
  timeoutMillis: 5 * 60_000,
  backoffMillis: 1_000,
  backoffMaxMillis: 10 * 60_000
}

/** A week, in milliseconds: how long a run may wait unless its operation says otherwise. */
export const QUEUED_LIMIT_MILLIS = 7 * 24 * 60 * 60 * 1000

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
  viewCapability: declaration.viewCapability == null ? null : Capability.make(declaration.viewCapability),
  payload: declaration.payload,
  result: declaration.result,
  accept: acceptor(declaration),
  encode: Schema.encodeUnknownResult(Schema.toCodecJson(declaration.payload)),
  attempts: checked(declaration.type, "attempts", { ...DEFAULT_ATTEMPTS, ...declaration.attempts }),
  hold: holdOf(declaration),
  queuedLimitMillis: checked(declaration.type, "limits", {
    queuedLimitMillis: declaration.queuedLimitMillis ?? QUEUED_LIMIT_MILLIS
  }).queuedLimitMillis,
  priority: prioritised(declaration),
  concurrency: limitsOf(declaration),
  countKeys: (declaration.countKeys ?? []).map((key) => CountKey.make(key))
})

const isPriority = Schema.is(Priority)

const prioritised = ({
  type,
  priority = DEFAULT_PRIORITY
}: Pick<Declaration<unknown, unknown>, "type" | "priority">) => {
  if (isPriority(priority)) return priority
  throw new RangeError(`operation ${type}: priority must be ${Priority.literals.join(", ")}, is ${String(priority)}`)
}

/** Both limits by name: one that was left out is told, also to who declares without types. */
const holdOf = ({ type, hold }: Pick<Declaration<unknown, unknown>, "type" | "hold">): HoldPolicy | null =>
  hold === undefined
    ? null
    : checked(type, "hold", { retryMillis: hold.retryMillis, deadlineMillis: hold.deadlineMillis })

const limitsOf = ({
  type,
  concurrency
}: Pick<Declaration<unknown, unknown>, "type" | "concurrency">): ConcurrencyLimits | null => {
  if (concurrency === undefined) return null
  const { total, perTenant } = checked(type, "concurrency", concurrency)
  return total === undefined && perTenant === undefined ? null : { total: total ?? null, perTenant: perTenant ?? null }
}

const acceptor = <Payload, Result>(declaration: Declaration<Payload, Result>): Operation["accept"] => {
  const codec = Schema.toCodecJson(declaration.payload)
  const decode = Schema.decodeUnknownResult(codec)
  const encode = Schema.encodeResult(codec)
  const { identifiedBy } = declaration
  return (json) =>
    Result.flatMap(decode(json), (payload) =>
      Result.flatMap(encode(payload), (stored) =>
        identifiedBy === undefined
          ? Result.succeed({ json: stored, identifying: stored })
          : Result.map(asJson(identifiedBy(payload)), (identifying) => ({ json: stored, identifying }))
      )
    )
}

/** Who declares without types may answer with what JSON has no text for: all of it would be one text, and all runs one run. */
const asJson = Schema.decodeUnknownResult(Schema.Json.annotate({ message: "what `identifiedBy` answers must be JSON" }))

/** From what to what each limit of a declaration goes. */
const ranges: Readonly<Record<string, Range>> = {
  maxAttempts: { least: 1, most: LARGEST_COUNT },
  timeoutMillis: { least: 1, most: LONGEST_WAIT_MILLIS },
  total: { least: 1, most: LARGEST_COUNT },
  perTenant: { least: 1, most: LARGEST_COUNT }
}
const SPAN: Range = { least: 1, most: LONGEST_SPAN_MILLIS }

/** Limits are whole numbers within their range; a RangeError names the one that is not. */
const checked = <Limits extends object>(type: string, group: string, limits: Limits): Limits => {
  for (const [name, value] of Object.entries(limits)) {
    const problem = rangeProblem(value, ranges[name] ?? SPAN)
    if (problem !== null) throw new RangeError(`operation ${type}: ${group}.${name} ${problem}`)
  }
  return limits
}

export const Operation = { make }
