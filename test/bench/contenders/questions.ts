/** What a contender of ours is asked, in the words that its program and the bench have in common. Each comes with a number of runs. */
import type { Content } from "../stores/Store.ts"

/** The batches that contenders are measured with. */
export const BATCHES = [100, 500]

/** Puts the store into the state that a drain begins with. */
export const fillQuestion = (snapshots: NonNullable<Content["snapshots"]>): string => `fill, facts ${snapshots}`

/** Answers the milliseconds it took until so many runs were completed, or their notices delivered. */
export const drainQuestion = (batch: number, isDelivered: boolean): string =>
  `drain, batch ${batch}${isDelivered ? ", delivered" : ""}`

/** Fails unless the runs came to what their facts demand. */
export const CHECK = "check"
