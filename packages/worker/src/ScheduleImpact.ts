/**
 * What a withdrawal of authority would mean for schedules: whether the run of their next slot would start, and whose schedules go on
 * without the person they belong to.
 *
 * Contract sections 4 and 8.
 */
import {
  type Catalogue,
  type Facts,
  type FactsUnavailable,
  type Impact,
  impactOf,
  type Person,
  type Schedule,
  type ScheduleId,
  type SchedulePage,
  Schedules,
  type StoreUnavailable,
  type Subject,
  systemAuthority,
  type Withdrawal
} from "@countersign/domain"
import { Effect } from "effect"
import type { Snapshots } from "./Snapshots.ts"

/** Which schedule an impact is about; its subject is that of its next run. */
export interface ScheduledWork {
  readonly id: ScheduleId
  readonly subject: Subject
  readonly owner: Person
  readonly createdBy: Person
  readonly isActive: boolean
}

/** What a withdrawal would mean for schedules. */
export interface ScheduleImpactReport {
  /** How many schedules are active, and how many of those are of operations that the catalogue does not know. */
  readonly active: number
  readonly undeclared: number
  /** Every active one whose next run would not just start, by id. */
  readonly affected: ReadonlyArray<Impact<ScheduledWork>>
  /** Those that the person asked about made or answers for; they go on, because that is not authority. */
  readonly ofThePerson: ReadonlyArray<ScheduledWork>
}

/** Schedules read at once: the most a store lists. */
const PAGE = 1_000

/** Predicts what becomes of the next run of each active schedule. */
export const reportScheduleImpact = Effect.fnUntraced(function* (
  catalogue: Catalogue,
  withdrawal: Withdrawal | null,
  snapshots: Snapshots
): Effect.fn.Return<ScheduleImpactReport, StoreUnavailable | FactsUnavailable, Schedules | Facts> {
  const all = (yield* everySchedule).map(workOf)
  const active = all.filter(({ isActive }) => isActive)
  const declared = active.filter(({ subject }) => catalogue.operations.has(subject.operationType))
  const waiting = (yield* snapshots.of(declared)).map(({ about, snapshot }) => {
    const policy = catalogue.operations.get(about.subject.operationType)?.hold ?? null
    return { about, snapshot, holding: { policy, sinceMillis: null } }
  })
  const person = withdrawal?._tag === "Actor" ? withdrawal.userId : null
  return {
    active: active.length,
    undeclared: active.length - declared.length,
    affected: impactOf(waiting, withdrawal).filter(({ kind }) => kind !== "unaffected"),
    ofThePerson: all.filter(({ owner, createdBy }) => owner.id === person || createdBy.id === person)
  }
})

const everySchedule = Effect.gen(function* () {
  const port = yield* Schedules
  const schedules: Array<Schedule> = []
  let after: ScheduleId | null = null
  do {
    const page: SchedulePage = yield* port.list({ limit: PAGE, ...(after === null ? {} : { after }) })
    schedules.push(...page.schedules)
    // A whole page of rows that make no sense would end it: nobody has as many.
    after = page.schedules.length + page.unreadable.length < PAGE ? null : (page.schedules.at(-1)?.id ?? null)
  } while (after !== null)
  return schedules
})

const workOf = ({ id, operationType, scope, owner, createdBy, state }: Schedule): ScheduledWork => ({
  id,
  subject: { operationType, scope, authority: systemAuthority },
  owner,
  createdBy,
  isActive: state._tag === "Active"
})
