/** What must be true when the dust has settled, whatever happened before. */
import { PostgresInbox } from "@countersign/adapters"
import {
  AuditLog,
  type DecisionRecord,
  initiatorOf,
  isCompleted,
  type Notice,
  type Run,
  type Running,
  RunStore,
  type Schedule,
  type UserId
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { flawOf } from "../../worker/support/story.ts"

/** What was seen outside the store. */
export interface Seen {
  /** Every admission that brought a run to running. */
  readonly starts: ReadonlyArray<Running>
  /** The run of every call of a handler. */
  readonly calls: ReadonlyArray<string>
}

/** Every run there is. */
export const allRuns = Effect.gen(function* () {
  const store = yield* RunStore
  const runs: Array<Run> = []
  for (let more = true; more; ) {
    const last = runs.at(-1)
    const page = yield* store.list({ limit: 1_000, ...(last === undefined ? {} : { before: last.dispatch.id }) })
    assert.deepStrictEqual(page.unreadable, [])
    runs.push(...page.runs)
    more = page.runs.length === 1_000
  }
  return runs
})

/**
 * Every run is terminal, its records tell a possible story, its handler was called under allowed admissions only, and its initiator was
 * told once. Answers how many runs ended in which state.
 */
export const judge = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>, { starts, calls }: Seen) {
  const log = yield* AuditLog
  const startsOf = groupedBy(starts, ({ dispatch }) => dispatch.id)
  const callsOf = groupedBy(calls, (id) => id)
  const noticesOf = groupedBy(yield* inboxes(runs), ({ runId }) => runId)
  const endings: Record<string, number> = {}
  for (const run of runs) {
    const { id, subject } = run.dispatch
    assert.isTrue(isCompleted(run), `run ${id} is ${run._tag}`)
    endings[run._tag] = (endings[run._tag] ?? 0) + 1
    assert.isNull(flawOf(run, yield* log.recordsOf(id)), `run ${id}`)
    const admissions = (startsOf.get(id) ?? []).map(({ admission }) => admission)
    assert.strictEqual(new Set(admissions).size, admissions.length, `run ${id} started twice under one admission`)
    const decisions = yield* log.decisionsOf(id)
    for (const admission of admissions) assert.isTrue(wasAllowed(decisions, admission), `run ${id}, ${admission}`)
    assert.isAtMost((callsOf.get(id) ?? []).length, admissions.length, `calls of run ${id}`)
    const initiator = initiatorOf(subject.authority)
    const recipients = (noticesOf.get(id) ?? []).map(({ recipient }) => recipient)
    assert.deepStrictEqual(recipients, initiator === null ? [] : [initiator], `notices of run ${id}`)
  }
  return endings
})

/** Every minute from the first has one run of this schedule, none has two, and at `untilMillis` none was missing. */
export const judgeSlots = (runs: ReadonlyArray<Run>, { id, createdAtMillis }: Schedule, untilMillis: number): void => {
  const slots = runs
    .flatMap(({ dispatch: { slot } }) => (slot?.scheduleId === id ? slot.slotMillis : []))
    .sort((a, b) => a - b)
  const firstMillis = (Math.floor(createdAtMillis / MINUTE_MILLIS) + 1) * MINUTE_MILLIS
  assert.deepStrictEqual(
    slots,
    slots.map((_, index) => firstMillis + index * MINUTE_MILLIS),
    `slots of ${id}`
  )
  assert.isAbove(slots.at(-1) ?? 0, untilMillis - MINUTE_MILLIS, `slots of ${id}`)
}

const MINUTE_MILLIS = 60_000

/** Whether the decision that the admission itself made, before any re-check, was to allow. */
const wasAllowed = (decisions: ReadonlyArray<DecisionRecord>, admission: number): boolean =>
  decisions.find((one) => one.admission === admission)?.decision._tag === "Allowed"

const inboxes = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>) {
  const inbox = yield* PostgresInbox
  const people = new Set(runs.flatMap(({ dispatch }) => initiatorOf(dispatch.subject.authority) ?? []))
  const notices: Array<Notice> = []
  for (const person of people) notices.push(...(yield* noticesOfPerson(inbox, person)))
  return notices
})

const noticesOfPerson = Effect.fnUntraced(function* (inbox: PostgresInbox["Service"], person: UserId) {
  const notices = yield* inbox.noticesOf(person, 1_000)
  assert.isBelow(notices.length, 1_000, "more notices than one look can see: soak for less long")
  return notices
})

const groupedBy = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string): ReadonlyMap<string, ReadonlyArray<A>> =>
  Map.groupBy(all, keyOf)
