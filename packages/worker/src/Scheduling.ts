/**
 * Making schedules and changing them. Who makes or receives one must have access to its target at that moment; afterwards its runs are
 * the system's, and each is decided like any other.
 *
 * Contract sections 4, 7 and 8; law `system_authority_is_declared_never_inferred`.
 */
import {
  accessFailure,
  actorBound,
  type Catalogue,
  type Facts,
  type FactsUnavailable,
  HostString,
  lackOfAccess,
  MissedSlots,
  Person,
  paused,
  resumed,
  type Schedule,
  type ScheduleExists,
  ScheduleId,
  ScheduleNotFound,
  ScheduleState,
  Schedules,
  type ScheduleUnreadable,
  type StoreUnavailable,
  type Subject,
  Timetable,
  transferred,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect, Result, Schema } from "effect"
import type { SecureRandom } from "effect/crypto"
import { type DispatchTerms, encoded } from "./DispatchChecks.ts"
import { prepareSlot } from "./Dispatcher.ts"
import type { DispatchRefused } from "./DispatchRequest.ts"
import { readFacts } from "./FactsReader.ts"
import {
  type NamedPerson,
  type ScheduleRefusalReason,
  ScheduleRefused,
  type ScheduleRequest,
  type UntypedScheduleRequest
} from "./ScheduleRequest.ts"

/** Why a schedule is not stored. */
export type AddFailure = ScheduleRefused | ScheduleExists | FactsUnavailable | StoreUnavailable
/** Why a stored schedule is not changed. */
export type ChangeFailure = ScheduleRefused | ScheduleNotFound | ScheduleUnreadable | StoreUnavailable

type Adding = Effect.Effect<Schedule, AddFailure, Schedules | Facts | SecureRandom.SecureRandom>
type Changing = Effect.Effect<Schedule, ChangeFailure, Schedules | UnitOfWork>

const refused = (reason: ScheduleRefusalReason, advice: string) => new ScheduleRefused({ reason, advice })

/** The reasons of a dispatch are those of a schedule that would dispatch it. */
const asRefused = ({ reason, advice }: DispatchRefused) =>
  reason === "system_authority_not_declared"
    ? refused(
        reason,
        "no person is behind a scheduled run: its operation must declare systemAuthority, and this one does not"
      )
    : refused(reason, advice)

const given = <A>(schema: Schema.Codec<A, unknown>, name: string, raw: unknown, reason: ScheduleRefusalReason) =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(raw), ({ message }) =>
    refused(reason, `the ${name} is not valid: ${message}`)
  )

const personFrom = ({ id, name }: NamedPerson) =>
  given(Person, "person's id or name", { id, name: name ?? null }, "id_invalid")

/** Stores a schedule whose first slot is the first one after now. An id that exists is refused, the stored one untouched. */
export const addSchedule = <Payload>(terms: DispatchTerms, request: ScheduleRequest<Payload>): Adding =>
  Effect.suspend(() => Effect.fromResult(encoded(request))).pipe(
    Effect.mapError(asRefused),
    Effect.flatMap((payload) => addUntyped(terms, { ...request, operationType: request.operation.type, payload }))
  )

/** The same by wire name and with the payload as JSON. */
export const addUntyped = Effect.fn("addSchedule")(function* (
  terms: DispatchTerms,
  request: UntypedScheduleRequest
): Effect.fn.Return<Schedule, AddFailure, Schedules | Facts | SecureRandom.SecureRandom> {
  const nowMillis = yield* Clock.currentTimeMillis
  const id = yield* given(ScheduleId, "schedule's id", request.id, "id_invalid")
  const cron = yield* given(HostString, "cron expression", request.cron, "cron_invalid")
  const zone = yield* given(HostString, "time zone", request.zone, "zone_unknown")
  const once = MissedSlots.cases.Once.make({})
  const missed = yield* given(MissedSlots, "policy for missed slots", request.missed ?? once, "missed_invalid")
  const by = yield* personFrom(request.by)
  const { nextSlotMillis } = yield* Effect.fromResult(Timetable.firstSlot(cron, zone, nowMillis)).pipe(
    Effect.mapError(({ problem, advice }) => refused(problem, advice))
  )
  // Whatever keeps a slot from being dispatched is found by preparing the first one.
  const { run } = yield* Effect.mapError(prepareSlot(terms, { ...request, id }, nextSlotMillis), asRefused)
  const { subject, payload } = run.dispatch
  yield* requireAccess(terms.catalogue, by, subject)
  const schedule: Schedule = {
    id,
    operationType: subject.operationType,
    scope: subject.scope,
    payload,
    cron,
    zone,
    missed,
    createdBy: by,
    createdAtMillis: nowMillis,
    owner: by,
    state: ScheduleState.cases.Active.make({ nextSlotMillis }),
    lastSlotMillis: null,
    problem: null,
    revision: 1
  }
  yield* Effect.flatMap(Schedules, (schedules) => schedules.add(schedule))
  return schedule
})

/**
 * Refuses a person whom the first three checks would refuse as initiator of such a run. Asked without a fence: what is decided here is
 * who answers for a schedule, and no run starts because of it.
 */
const requireAccess = Effect.fnUntraced(function* (
  catalogue: Catalogue,
  person: Person,
  { operationType, scope }: Pick<Subject, "operationType" | "scope">
) {
  const subject: Subject = { operationType, scope, authority: actorBound(person.id) }
  const requirements = catalogue.requirementsOf(operationType)
  const [reading] = yield* readFacts([{ subject, requirements }])
  const takenAtMillis = yield* Clock.currentTimeMillis
  const failure = reading && accessFailure({ takenAtMillis, subject, requirements, facts: reading.facts })
  if (failure) {
    const who = person.name === null ? person.id : `${person.name} (${person.id})`
    return yield* refused("no_access", `${who} cannot answer for it: ${lackOfAccess(failure)}`)
  }
})

/** Changes a stored schedule by a function of the domain. */
const changing = (
  id: ScheduleId,
  change: (schedule: Schedule, nowMillis: number) => Result.Result<Schedule, ScheduleRefused>
): Changing =>
  Effect.flatMap(UnitOfWork, (unit) =>
    unit.transact(
      Effect.gen(function* () {
        const schedules = yield* Schedules
        const before = yield* schedules.hold(id)
        const after = yield* Effect.fromResult(change(before, yield* Clock.currentTimeMillis))
        if (after !== before && !(yield* schedules.replace(before, after)))
          return yield* new ScheduleNotFound({ scheduleId: id })
        return after
      })
    )
  )

/** Stops its clock; a paused one stays as it is. */
export const pauseSchedule = (id: ScheduleId): Changing =>
  changing(id, (schedule, nowMillis) => Result.succeed(paused(schedule, nowMillis)))

/** Lets it go on with the first slot after now; slots of the pause are not run. An active one stays as it is. */
export const resumeSchedule = (id: ScheduleId): Changing =>
  changing(id, (schedule, nowMillis) =>
    Result.mapError(resumed(schedule, nowMillis), ({ problem, advice }) => refused(problem, advice))
  )

/** Has another person answer for it, who must have access now. Its runs are the system's as before. */
export const transferSchedule = Effect.fn("transferSchedule")(function* (
  catalogue: Catalogue,
  id: ScheduleId,
  to: NamedPerson
): Effect.fn.Return<Schedule, ChangeFailure | FactsUnavailable, Schedules | UnitOfWork | Facts> {
  const schedules = yield* Schedules
  const owner = yield* personFrom(to)
  yield* requireAccess(catalogue, owner, yield* schedules.find(id))
  return yield* changing(id, (schedule) => Result.succeed(transferred(schedule, owner)))
})

/** Forgets it; its runs stay. */
export const removeSchedule = (id: ScheduleId): Effect.Effect<void, ScheduleNotFound | StoreUnavailable, Schedules> =>
  Effect.flatMap(Schedules, (schedules) => schedules.remove(id)).pipe(
    Effect.flatMap((wasThere) => (wasThere ? Effect.void : Effect.fail(new ScheduleNotFound({ scheduleId: id }))))
  )
