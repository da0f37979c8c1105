/**
 * How much a worker takes at once, in which order, and what it passes over for the moment.
 *
 * If facts cannot be read, the next claim is of one run, and each success doubles it again: a run whose facts are the trouble is
 * soon alone in its claim and holds up nobody. A workspace whose authority is being changed is left out for a moment; so is what has
 * as many runs at work as it may, until one of them ends.
 *
 * The oldest runs first, as long as the queue is short. Under a backlog every other claim goes from lane to lane, so that nobody's
 * flood starves anybody else; and where the front of the queue is full of runs that cannot be taken, every claim does.
 */
import {
  type Claim,
  type ClaimOrder,
  counterKeyOf,
  type KeptWaiting,
  type OperationType,
  type WorkspaceId
} from "@countersign/domain"
import { Effect } from "effect"
import type { Admitted } from "./Admission.ts"
import { type BackoffPolicy, backoffAfter } from "./Backoff.ts"
import { makePassing } from "./Passing.ts"

/** For how long a workspace in change is passed over, in milliseconds. */
export const FENCED_MILLIS = 100
/** How often in a row a worker looks on at once without finding anything, before it takes a break. */
export const LOOKS_IN_VAIN = 16

const FACTS_BACKOFF: BackoffPolicy = { backoffMillis: 1_000, backoffMaxMillis: 60_000 }

/** What a worker claims; the rest of a claim says when and of what. */
export type PacedClaim = Pick<Claim, "limit" | "order" | "passOver" | "fullLanes" | "operationTypes">

/** What to claim next, and how long to wait, learned from how admissions went. */
export interface Pace {
  /** What to claim with this many free hands. */
  readonly next: (free: number, nowMillis: number) => PacedClaim
  /** How long to leave runs alone whose facts cannot be read, in milliseconds. */
  readonly factsPause: Effect.Effect<number>
  /** Takes note of how an admission went; true when the next one should follow at once. */
  readonly learn: (admitted: Admitted, claim: Pick<Claim, "limit" | "order">, nowMillis: number) => boolean
  /** Takes note of the end of a run here: others of its operation may have room now. */
  readonly ended: (operationType: OperationType) => void
  /** True while something is passed over that may be free again soon, so that the next look is soon. */
  readonly isPassingOver: () => boolean
}

const typeOf = ({ run }: KeptWaiting): OperationType => run.dispatch.subject.operationType

/** What a worker can be handed, and how it goes about it. */
export interface PaceTerms {
  readonly operationTypes: ReadonlyArray<OperationType>
  readonly batch: number
  /** What is full elsewhere is looked at again after this long. */
  readonly pollMillis: number
}

/** A pace that begins without a pause. */
export const makePace = ({ batch, pollMillis, operationTypes }: PaceTerms): Pace => {
  let ceiling = batch
  let failures = 0
  let order: ClaimOrder = "oldest"
  let isObstructed = false
  let looksInVain = 0
  const inChange = makePassing((workspace: WorkspaceId) => workspace)
  /** What has ended since the last claim began: what that one found full may have room by now. */
  const endedSince = new Set<OperationType>()
  const waiting = makePassing(({ counter }: KeptWaiting) => counterKeyOf(counter))

  const next: Pace["next"] = (free, nowMillis) => {
    endedSince.clear()
    const full = waiting.at(nowMillis).map(({ counter }) => counter)
    const fullTypes = new Set(full.flatMap((counter) => (counter._tag === "Operation" ? counter.operationType : [])))
    return {
      limit: Math.min(free, ceiling),
      order,
      passOver: inChange.at(nowMillis),
      fullLanes: full.flatMap((counter) => (counter._tag === "Lane" ? counter.lane : [])),
      operationTypes: operationTypes.filter((type) => !fullTypes.has(type))
    }
  }

  const learnOrder = (isFilled: boolean, mayHaveMore: boolean, last: ClaimOrder) => {
    if (last === "oldest") isObstructed = mayHaveMore
    else if (!isFilled && !mayHaveMore) isObstructed = false
    order = isObstructed || (isFilled && last === "oldest") ? "fair" : "oldest"
  }

  const learn: Pace["learn"] = (admitted, { limit, order: last }, nowMillis) => {
    const { undecided, claimed, fenced, mayHaveMore } = admitted
    for (const workspace of fenced) inChange.passOver(workspace, nowMillis + FENCED_MILLIS)
    for (const kept of admitted.waiting) {
      if (endedSince.has(typeOf(kept))) continue
      waiting.passOver(kept, nowMillis + (kept.isBusy ? Math.min(FENCED_MILLIS, pollMillis) : pollMillis))
    }
    if (undecided.length > 0) {
      failures += 1
      ceiling = 1
    } else if (claimed > 0) {
      failures = 0
      ceiling = Math.min(ceiling * 2, batch)
    }
    const isFilled = claimed >= limit
    learnOrder(isFilled, mayHaveMore, last)
    looksInVain = claimed === 0 && mayHaveMore ? looksInVain + 1 : 0
    if (looksInVain > LOOKS_IN_VAIN) looksInVain = 0
    return isFilled || (mayHaveMore && (claimed > 0 || looksInVain > 0))
  }

  return {
    next,
    factsPause: Effect.suspend(() => backoffAfter(failures + 1, FACTS_BACKOFF)),
    learn,
    ended: (type) => {
      endedSince.add(type)
      waiting.forget((kept) => typeOf(kept) === type)
    },
    isPassingOver: () => inChange.isAny() || waiting.isAny(({ isBusy }) => isBusy)
  }
}
