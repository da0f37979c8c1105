/** How much is measured. */
import type { Options } from "./options.ts"
import type { Sizes } from "./rows/admission.ts"

export interface BenchSizes {
  readonly decidePasses: number
  readonly caslPasses: number
  /** Runs of one drain, ours and the SQL floor's. */
  readonly runs: number
  /** Jobs of one drain of a peer: more, as their start is not to count. */
  readonly jobs: number
  /** Where each job is checked by hand, which is slow. */
  readonly byHand: number
  readonly embedded: number
  readonly oldSnapshot: number
  /** Queued and as many finished: a small backlog and a large one. */
  readonly backlogs: readonly [small: number, large: number]
  readonly dispatched: number
  /** Queued, and asked about. */
  readonly impact: number
  readonly latencies: number
  /** Drained by the worker whose memory is looked at. */
  readonly drained: number
  readonly idleMillis: number
  /** Runs of an admission alone, by batch: about as long as each other. */
  readonly admission: Sizes
}

/** As little as still takes each drain a second or two: less, and its start would count. */
const QUICK: BenchSizes = {
  decidePasses: 1_000,
  caslPasses: 20,
  runs: 12_000,
  jobs: 24_000,
  byHand: 1_000,
  embedded: 3_000,
  oldSnapshot: 12_000,
  backlogs: [8_000, 32_000],
  dispatched: 10_000,
  impact: 100_000,
  latencies: 100,
  drained: 15_000,
  idleMillis: 8_000,
  admission: new Map([
    [1, 300],
    [10, 2_000],
    [100, 6_000],
    [500, 10_000]
  ])
}

const FULL: BenchSizes = {
  decidePasses: 1_000,
  caslPasses: 100,
  runs: 40_000,
  jobs: 60_000,
  byHand: 10_000,
  embedded: 10_000,
  oldSnapshot: 100_000,
  backlogs: [10_000, 100_000],
  dispatched: 40_000,
  impact: 100_000,
  latencies: 200,
  drained: 200_000,
  idleMillis: 30_000,
  admission: new Map([
    [1, 1_000],
    [10, 6_000],
    [100, 20_000],
    [500, 30_000]
  ])
}

const scaled = (sizes: BenchSizes, scale: number): BenchSizes => {
  const less = (size: number) => Math.max(50, Math.round(size * scale))
  return {
    ...sizes,
    decidePasses: less(sizes.decidePasses),
    runs: less(sizes.runs),
    jobs: less(sizes.jobs),
    byHand: less(sizes.byHand),
    embedded: less(sizes.embedded),
    // Fewer, and a tenth would be no more than what is completed at once.
    oldSnapshot: Math.max(3_000, less(sizes.oldSnapshot)),
    backlogs: [less(sizes.backlogs[0]), less(sizes.backlogs[1])],
    dispatched: less(sizes.dispatched),
    impact: less(sizes.impact),
    latencies: less(sizes.latencies),
    drained: less(sizes.drained),
    admission: new Map([...sizes.admission].map(([batch, runs]) => [batch, less(runs)]))
  }
}

/** The sizes these options ask for. */
export const sizesOf = ({ quick, long, scale }: Options): BenchSizes => {
  const sizes = quick ? QUICK : FULL
  const chosen: BenchSizes = long ? { ...sizes, backlogs: [100_000, 1_000_000], drained: 1_000_000 } : sizes
  return scaled(chosen, scale)
}
