/** The doctor's check of subscriptions: are subscribers told, and if not, what is in the way. */
import { Events, type SubscriptionStatus } from "@countersign/domain"
import { Effect } from "effect"
import { faringOf, isInTrouble } from "../render/subscriptionWords.ts"
import { countInWords } from "../render/words.ts"
import { examined, type Finding, ok, warn } from "./Finding.ts"

/** What waits for a subscription is counted no further: while a receiver is away, it grows and grows. */
const COUNTED_MAX = 1_000

/** To one that has ended nothing is ever sent again; of the others, that which has failed most often comes first. */
const byGravity = (one: SubscriptionStatus, other: SubscriptionStatus): number =>
  Number(other.endedAtMillis !== null) - Number(one.endedAtMillis !== null) || other.failures - one.failures

const adviceFor = ({ subscription: { id }, endedAtMillis }: SubscriptionStatus): string =>
  endedAtMillis === null
    ? `mend that, or \`countersign events unsubscribe ${id}\`; what is not taken for three days is given up`
    : `\`countersign events unsubscribe ${id}\` forgets it; to be told again, \`countersign events subscribe\``

const troubleWith = (status: SubscriptionStatus, others: number): Finding => {
  const [faring] = faringOf(status, COUNTED_MAX)
  const more = others === 0 ? "" : `; and ${others} more, see \`countersign events list\``
  return warn("events", `subscription ${status.subscription.id} ${faring}${more}`, adviceFor(status))
}

const findingOf = (all: ReadonlyArray<SubscriptionStatus>): Finding => {
  const [gravest, ...others] = all.filter(isInTrouble).toSorted(byGravity)
  if (gravest !== undefined) return troubleWith(gravest, others.length)
  const pending = all.reduce((sum, status) => sum + status.pending, 0)
  return pending === 0
    ? ok("events", "none waits to be delivered")
    : warn(
        "events",
        `${countInWords(pending, COUNTED_MAX)} wait to be delivered`,
        "a running worker delivers them; if they stay, see its log"
      )
}

/** Whether receivers take what they are sent. A subscription that makes no sense is a finding, not the doctor's end. */
export const eventsFinding: Effect.Effect<Finding, never, Events> = examined(
  "events",
  Effect.map(
    Effect.flatMap(Events, (events) => events.subscriptions(COUNTED_MAX)),
    findingOf
  )
)
