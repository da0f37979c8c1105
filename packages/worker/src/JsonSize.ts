/**
 * How large payloads and results are, and may be: both are stored with their run, and read with it.
 */
import type { Range } from "@countersign/domain"
import type { Schema } from "effect"

/** The largest payload that is taken, in bytes of its JSON as UTF-8. */
export const PAYLOAD_MAX_BYTES = 64 * 1024

/** The largest result that is kept, in bytes of its JSON as UTF-8. */
export const RESULT_MAX_BYTES = 64 * 1024

/** What either may be set to: up to 64 MiB, which every store can still carry in one statement. */
export const SIZE_RANGE: Range = { least: 1, most: 64 * 1024 * 1024 }

/** How many bytes this takes as JSON in UTF-8. */
export const jsonBytes = (json: Schema.Json): number => Buffer.byteLength(JSON.stringify(json))
