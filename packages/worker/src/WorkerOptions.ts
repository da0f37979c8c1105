/**
 * How a worker works. Every option has a careful default, and every one is checked once, when the worker is built.
 */
import {
  type Catalogue,
  HostString,
  LARGEST_COUNT,
  LONGEST_SPAN_MILLIS,
  LONGEST_WAIT_MILLIS,
  type OutsideQueue,
  type Range,
  rangeProblem
} from "@countersign/domain"
import { Schema, Struct } from "effect"
import type { Handler } from "./Handler.ts"
import { RESULT_MAX_BYTES, SIZE_RANGE } from "./JsonSize.ts"
import { RETENTION_MILLIS } from "./Retention.ts"
import type { WorkerObserver } from "./WorkerEvent.ts"

/** What a worker is given; only catalogue and handlers must be. */
export interface WorkerOptions<R = never> {
  /** Everything the host declares. An operation without a handler here is left to other workers. */
  readonly catalogue: Catalogue
  readonly handlers: ReadonlyArray<Handler<R>>
  /** How many handlers run at once; as many of what is delivered (`deliver`), which does not wait for what was claimed. */
  readonly concurrency?: number
  /** How many runs one admission takes at most, up to 1000. */
  readonly batch?: number
  /** Queued runs are looked for at least this often, even if no wake-up arrives. */
  readonly pollMillis?: number
  /** A worker that is silent for this long has lost its runs. It renews three times as often. */
  readonly leaseMillis?: number
  /** On stop, running work gets this long to finish before it is interrupted and given back. */
  readonly drainMillis?: number
  /** Completed runs are deleted after this long, 90 days unless given; null keeps them for ever. */
  readonly retentionMillis?: number | null
  /** The largest result that is kept, in bytes of its JSON; 64 KiB unless given. A larger one is left out, and its run says so. */
  readonly resultMaxBytes?: number
  /** False: this worker works on what is delivered to it (`deliver`) and looks for nothing by itself. */
  readonly claims?: boolean
  /** The host's own queue, if it has one: what has to be delivered again, or seems forgotten, is put into it. */
  readonly queue?: OutsideQueue["Service"]
  /** Names this worker in leases and logs; made up when left out. */
  readonly name?: string
  /** Told of what happens here, for logs and counts. */
  readonly observe?: WorkerObserver
}

/** The numbers of a worker, each checked; `Millis` are milliseconds. */
export interface WorkerLimits {
  readonly concurrency: number
  readonly batch: number
  readonly pollMillis: number
  readonly leaseMillis: number
  readonly drainMillis: number
  readonly retentionMillis: number | null
  readonly resultMaxBytes: number
}

/** The limits where nothing else is said. */
export const DEFAULT_LIMITS: WorkerLimits = {
  concurrency: 10,
  batch: 100,
  pollMillis: 1_000,
  leaseMillis: 30_000,
  drainMillis: 20_000,
  retentionMillis: RETENTION_MILLIS,
  resultMaxBytes: RESULT_MAX_BYTES
}

/** From what to what each of them goes. */
export const LIMIT_RANGES: Readonly<Record<keyof WorkerLimits, Range>> = {
  concurrency: { least: 1, most: LARGEST_COUNT },
  // No reading of a store gives more.
  batch: { least: 1, most: 1_000 },
  pollMillis: { least: 1, most: LONGEST_WAIT_MILLIS },
  leaseMillis: { least: 1, most: LONGEST_WAIT_MILLIS },
  drainMillis: { least: 0, most: LONGEST_WAIT_MILLIS },
  retentionMillis: { least: 1, most: LONGEST_SPAN_MILLIS },
  resultMaxBytes: SIZE_RANGE
}

const isName = Schema.is(HostString)

/** The limits of these options; throws a RangeError that names the one that makes no sense. */
export const limitsOf = (options: WorkerOptions<never> | WorkerOptions<unknown>): WorkerLimits => {
  const limits: WorkerLimits = {
    concurrency: options.concurrency ?? DEFAULT_LIMITS.concurrency,
    batch: options.batch ?? DEFAULT_LIMITS.batch,
    pollMillis: options.pollMillis ?? DEFAULT_LIMITS.pollMillis,
    leaseMillis: options.leaseMillis ?? DEFAULT_LIMITS.leaseMillis,
    drainMillis: options.drainMillis ?? DEFAULT_LIMITS.drainMillis,
    retentionMillis: options.retentionMillis === undefined ? DEFAULT_LIMITS.retentionMillis : options.retentionMillis,
    resultMaxBytes: options.resultMaxBytes ?? DEFAULT_LIMITS.resultMaxBytes
  }
  for (const name of Struct.keys(LIMIT_RANGES)) {
    const problem = limits[name] === null ? null : rangeProblem(limits[name], LIMIT_RANGES[name])
    if (problem !== null) throw new RangeError(`worker option ${name} ${problem}`)
  }
  if (options.name !== undefined && !isName(options.name)) {
    throw new RangeError("worker option name must be 1 to 255 characters without control characters")
  }
  return limits
}
