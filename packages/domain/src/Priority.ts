/**
 * Which of several waiting runs is taken first. It orders, and decides nothing: a run of high priority is asked the same questions.
 *
 * Contract section 8.
 */
import { Schema } from "effect"

/** From the first taken to the last; wire values. */
export const Priority = Schema.Literals(["high", "normal", "low"])
export type Priority = typeof Priority.Type

/** What a run has unless its dispatch or its operation says otherwise. */
export const DEFAULT_PRIORITY: Priority = "normal"

/** The place of a priority among the others: the smaller, the earlier taken. Stored; never changes. */
export const rankOf: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 }
