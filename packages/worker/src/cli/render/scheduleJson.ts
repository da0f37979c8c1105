/** Schedules for machines: one JSON object each, with their next slots and without their payload. */
import { missedAsText, nextSlots, type Person, type Schedule } from "@countersign/domain"
import type { Schema } from "effect"
import { iso } from "./words.ts"

/** How many of the next slots are told. */
export const SLOTS_SHOWN = 5

/** A schedule; `next_slots` is empty while it is paused. */
export const scheduleAsJson = (schedule: Schedule): Schema.Json => ({
  id: schedule.id,
  type: schedule.operationType,
  workspace_id: schedule.scope.workspaceId,
  tenant_id: schedule.scope.tenantId,
  provider_connection_id: schedule.scope.providerConnectionId,
  cron: schedule.cron,
  zone: schedule.zone,
  missed: missedAsText(schedule.missed),
  state: schedule.state._tag === "Active" ? "active" : "paused",
  paused_at: schedule.state._tag === "Paused" ? iso(schedule.state.sinceMillis) : null,
  next_slots: nextSlots(schedule, SLOTS_SHOWN).map(iso),
  last_slot: schedule.lastSlotMillis === null ? null : iso(schedule.lastSlotMillis),
  problem: schedule.problem === null ? null : { at: iso(schedule.problem.atMillis), message: schedule.problem.message },
  owner: personAsJson(schedule.owner),
  created_by: personAsJson(schedule.createdBy),
  created_at: iso(schedule.createdAtMillis)
})

const personAsJson = ({ id, name }: Person): Schema.Json => ({ id, name })
