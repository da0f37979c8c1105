/**
 * What becomes of work that waits, if it were asked about at this moment: as things are, and after authority is withdrawn. A
 * prediction by the rules that admission goes by; the law `impact_is_what_then_happens` holds it to them.
 *
 * Contract sections 3 and 4.
 */
import { Schema } from "effect"
import type { Decision } from "./Decision.ts"
import { askAgainAtMillis, type Holding } from "./Hold.ts"
import { decide } from "./Legitimacy.ts"
import type { Snapshot } from "./Snapshot.ts"
import { type Withdrawal, withdraw } from "./Withdrawal.ts"

/** What an admission would do with a run: start it, keep it waiting with a reason, or end it. */
export const Fate = Schema.Literals(["starts", "held", "blocked"])
export type Fate = typeof Fate.Type

/** What would be decided, and what would follow from it. */
export interface Outlook {
  readonly decision: Decision
  readonly fate: Fate
}

/** How a withdrawal concerns a run; one that ends either way counts as blocked now. */
export const ImpactKind = Schema.Literals([
  /** It would be blocked as things are. */
  "blocked_now",
  /** It would be blocked if the authority were withdrawn. */
  "would_be_blocked",
  /** It would be held as things are, and goes on waiting or starts after the withdrawal. */
  "held_now",
  /** It would be held if the authority were withdrawn. */
  "would_be_held",
  /** It would start in both cases. */
  "unaffected"
])
export type ImpactKind = typeof ImpactKind.Type

/** Work that waits, with the facts about it; `about` is whatever the caller knows it by, a queued run or a schedule. */
export interface Waiting<About> {
  readonly about: About
  readonly snapshot: Snapshot
  readonly holding: Holding
}

/** What a withdrawal means for one piece of waiting work. */
export interface Impact<About> {
  readonly about: About
  readonly kind: ImpactKind
  readonly now: Outlook
  readonly after: Outlook
}

/** What would become of it at the moment of its snapshot. */
export const outlookOf = (snapshot: Snapshot, holding: Holding): Outlook => {
  const decision = decide(snapshot)
  if (decision._tag === "Allowed") return { decision, fate: "starts" }
  const isHeld = askAgainAtMillis({ decision, snapshot }, holding) !== null
  return { decision, fate: isHeld ? "held" : "blocked" }
}

/** What the withdrawal means for each, in the order given; without one, what becomes of each as things are. */
export const impactOf = <About>(
  waiting: ReadonlyArray<Waiting<About>>,
  withdrawal: Withdrawal | null
): ReadonlyArray<Impact<About>> =>
  waiting.map(({ about, snapshot, holding }) => {
    const now = outlookOf(snapshot, holding)
    const without = withdrawal === null ? snapshot : withdraw(snapshot, withdrawal)
    const after = without === snapshot ? now : outlookOf(without, holding)
    return { about, kind: kindOf(now.fate, after.fate), now, after }
  })

const kindOf = (now: Fate, after: Fate): ImpactKind => {
  if (now === "blocked") return "blocked_now"
  if (after === "blocked") return "would_be_blocked"
  if (now === "held") return "held_now"
  return after === "held" ? "would_be_held" : "unaffected"
}
