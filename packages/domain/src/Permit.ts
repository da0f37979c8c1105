/**
 * Proof of a decision about one run and one admission. A {@link Permit} is the only key to `running`; a {@link Denial} is
 * what blocks or revokes. Neither can be written, decoded or copied by hand: both come out of {@link authorize} alone.
 *
 * Contract section 2; laws `no_running_without_permit`, `permit_fits_one_run_and_admission`.
 */
import { Equal, Result } from "effect"
import type { Allowed, Denied } from "./Decision.ts"
import type { RunId } from "./Ids.ts"
import { decide } from "./Legitimacy.ts"
import type { Queued, Running } from "./Run.ts"
import type { Snapshot } from "./Snapshot.ts"

/** Known to this file alone: nobody else can construct a ruling, not even through another ruling's `constructor`. */
const SEAL = Symbol("seal")

class Ruling<Tag, Decision> {
  /** Private to the class: an object without it was not made here, whatever its type says. */
  readonly #genuine: unknown
  readonly _tag: Tag
  readonly runId: RunId
  readonly admission: number
  readonly decision: Decision
  /** What the decision was made from. */
  readonly snapshot: Snapshot

  constructor(seal: typeof SEAL, tag: Tag, run: Queued | Running, decision: Decision, snapshot: Snapshot) {
    if (seal !== SEAL) throw new TypeError("permits and denials come out of authorize alone")
    this._tag = tag
    this.runId = run.dispatch.id
    this.admission = run.admission
    this.decision = decision
    this.snapshot = snapshot
    Object.freeze(this)
  }

  static isGenuine(value: unknown): boolean {
    return typeof value === "object" && value !== null && #genuine in value
  }
}

/** Proof that a decision allows this run under this admission. */
export type Permit = Ruling<"Permit", Allowed>

/** Proof that a decision denies this run under this admission. */
export type Denial = Ruling<"Denial", Denied>

/** Whether `authorize` made it; false for a look-alike, or anything else, that was forced through the types. */
export const isGenuine = (ruling: Permit | Denial): boolean => Ruling.isGenuine(ruling)

/**
 * Decides about a run that is queued (admission) or running (re-check), and seals the answer to that run and admission.
 *
 * **Gotchas**
 *
 * The snapshot must be about this very run: with a snapshot of another subject the programmer made a mistake, and it throws.
 */
export const authorize = (run: Queued | Running, snapshot: Snapshot): Result.Result<Permit, Denial> => {
  if (!Equal.equals(run.dispatch.subject, snapshot.subject)) {
    throw new TypeError(`the snapshot is not about run ${run.dispatch.id}`)
  }
  const decision = decide(snapshot)
  return decision._tag === "Allowed"
    ? Result.succeed(new Ruling(SEAL, "Permit", run, decision, snapshot))
    : Result.fail(new Ruling(SEAL, "Denial", run, decision, snapshot))
}
