/**
 * Dispatch: checks what a host asks for against what is declared, and stores a queued run. It asks nothing about legitimacy:
 * that is asked when a worker is about to act, and only then counts.
 *
 * Contract sections 3 and 8. Laws `system_authority_is_declared_never_inferred`, `denial_spends_no_attempt`.
 */
import {
  type Dispatched,
  type FirstStep,
  type RunStore,
  type ScheduleId,
  type Slot,
  type StoreUnavailable,
  slotRunId,
  type UnitOfWork
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { type Checked, type DispatchTerms, firstStepOf, firstStepOfTyped, type Occasion } from "./DispatchChecks.ts"
import type { DispatchRefused, DispatchRequest, RequestedTarget, UntypedDispatchRequest } from "./DispatchRequest.ts"
import { storeEnqueued } from "./Enqueueing.ts"

/** What dispatching needs. */
export type DispatchPorts = RunStore | UnitOfWork | SecureRandom.SecureRandom

type Prepared = Effect.Effect<FirstStep, DispatchRefused, SecureRandom.SecureRandom>
type Stored = Effect.Effect<Dispatched, DispatchRefused | StoreUnavailable, DispatchPorts>

/**
 * Stores a queued run, or answers with the active run of the same identity. Inside the host's own transaction it is stored
 * with it, or not at all.
 */
export const dispatchUntyped = (terms: DispatchTerms, request: UntypedDispatchRequest): Stored =>
  Effect.flatMap(
    prepared((occasion) => firstStepOf(terms, request, occasion)),
    (first) => storeEnqueued(first, terms.queue)
  )

/** The same for a declared operation, with its payload typed. */
export const dispatchTyped = <Payload>(terms: DispatchTerms, request: DispatchRequest<Payload>): Stored =>
  Effect.flatMap(prepareTyped(terms, request), (first) => storeEnqueued(first, terms.queue))

/** The first step of such a run; for hosts that store it through a connection of their own. */
export const prepareTyped = <Payload>(terms: DispatchTerms, request: DispatchRequest<Payload>): Prepared =>
  prepared((occasion) => firstStepOfTyped(terms, request, occasion))

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
  const authority = { systemAuthority: true, actorKind: "scheduled" } as const
  return prepared((occasion) =>
    firstStepOf(terms, { ...target, ...authority, operationType, payload, runId }, { ...occasion, slot })
  )
}

const prepared = (check: (occasion: Occasion) => Checked<FirstStep>): Prepared =>
  Effect.gen(function* () {
    const random = yield* SecureRandom.SecureRandom
    const freshId = yield* random.uuidV7()
    const nowMillis = yield* Clock.currentTimeMillis
    return yield* Effect.fromResult(check({ freshId, nowMillis, slot: null }))
  })
