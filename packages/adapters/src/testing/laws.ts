/** What the laws have in common. */

/** Adapters are asked in real time: a pool, a lock or a poll does not follow a test clock. */
export const IN_REAL_TIME = { excludeTestServices: true, timeout: "60 seconds" } as const

/** How many samples a property takes: enough to meet the corners, few enough for a database. */
export const SAMPLES = { arbitrary: { runs: 40 } } as const

/** `[0, 1, …, count - 1]` */
export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, at) => at)
