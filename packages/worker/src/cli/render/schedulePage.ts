/** Schedules for people: a table of many, a page of one with its next slots on its own wall clock and in UTC. */
import {
  missedInWords,
  nextSlots,
  type Person,
  type Schedule,
  scheduleInWords,
  scopeInWords
} from "@countersign/domain"
import { labelled } from "./runPage.ts"
import { printable, type Style } from "./Style.ts"
import { SLOTS_SHOWN } from "./scheduleJson.ts"
import { cell, renderTable } from "./table.ts"
import { inUtc, inZone } from "./words.ts"

/** The page, line by line. */
export const schedulePage = (schedule: Schedule, style: Style): ReadonlyArray<string> => {
  const { label, tone } = scheduleInWords(schedule)
  return [
    `${style.strong(printable(schedule.operationType))} for ${printable(scopeInWords(schedule.scope))}`,
    style.faint(printable(`schedule ${schedule.id}`)),
    "",
    style.tone(tone, printable(label)),
    ...labelled("When", [`${schedule.cron}, in ${schedule.zone}`, missedInWords(schedule.missed)]),
    ...labelled("Next", nextLines(schedule)),
    ...labelled("Last", [schedule.lastSlotMillis === null ? "none yet" : inBoth(schedule.lastSlotMillis, schedule)]),
    "",
    ...labelled("Owner", [nameOf(schedule.owner)]),
    ...labelled("Made by", [`${nameOf(schedule.createdBy)}, ${inUtc(schedule.createdAtMillis)} UTC`])
  ]
}

const inBoth = (millis: number, { zone }: Schedule): string => `${inZone(millis, zone)} (${inUtc(millis)} UTC)`

const nextLines = (schedule: Schedule): ReadonlyArray<string> =>
  schedule.state._tag === "Paused"
    ? [`none: paused since ${inUtc(schedule.state.sinceMillis)} UTC`]
    : nextSlots(schedule, SLOTS_SHOWN).map((slot) => inBoth(slot, schedule))

const nameOf = ({ id, name }: Person): string => (name === null ? id : `${name} (${id})`)

/** The table's lines, or one that says that there is nothing. */
export const scheduleTable = (schedules: ReadonlyArray<Schedule>, style: Style): ReadonlyArray<string> =>
  schedules.length === 0
    ? ["No schedules."]
    : renderTable(
        {
          columns: ["Schedule", "When", "Zone", "Operation", "Workspace", "Tenant", "Owner", "Next (UTC)", "State"],
          rows: schedules.map((schedule) => {
            const { label, tone } = scheduleInWords(schedule)
            return [
              cell(schedule.id),
              cell(schedule.cron),
              cell(schedule.zone),
              cell(schedule.operationType),
              cell(schedule.scope.workspaceId),
              cell(schedule.scope.tenantId ?? "–"),
              cell(nameOf(schedule.owner)),
              cell(schedule.state._tag === "Active" ? inUtc(schedule.state.nextSlotMillis) : "–"),
              cell(label, tone)
            ]
          })
        },
        style
      )
