/**
 * A slot: one instant at which a schedule is due. Its run's id follows from it, so that no restart, no race and no clock that is
 * set back makes two runs of one slot: the second dispatch is answered with the first.
 *
 * Contract section 8; law `one_run_per_slot`.
 */
import { Schema } from "effect"
import { canonicalJson, type Digest } from "./Identity.ts"
import { RunId, ScheduleId } from "./Ids.ts"

/** Which schedule, and when; epoch milliseconds. */
export const Slot = Schema.Struct({ scheduleId: ScheduleId, slotMillis: Schema.Int })
export type Slot = typeof Slot.Type

/** Hexadecimal digits of a UUIDv7: its time, and what follows the version and the variant. */
const TIME_DIGITS = 12

/**
 * The id of the slot's run: a UUIDv7 of the slot's instant, the rest from the digest of schedule and slot. `digest` must give at
 * least 20 hexadecimal digits, as SHA-256 does.
 */
export const slotRunId = ({ scheduleId, slotMillis }: Slot, digest: Digest): RunId => {
  const time = slotMillis.toString(16).padStart(TIME_DIGITS, "0")
  const rest = digest(canonicalJson(["slot", scheduleId, slotMillis])).toLowerCase()
  const variant = ((Number.parseInt(rest.slice(3, 4), 16) & 3) | 8).toString(16)
  return RunId.make(
    `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-${variant}${rest.slice(4, 7)}-${rest.slice(7, 19)}`
  )
}
