/**
 * pg-boss at its best documented settings: batches of 500, two workers, which fetch again at once while their batches are full.
 * Arguments: the database, and whether its handlers check (`unguarded`, `expert`).
 */
import { PgBoss } from "pg-boss"
import { collectGarbage } from "../harness/memory.ts"
import { argument, serve } from "../harness/serve.ts"
import { checkAsExpert, checkRuns, fillRuns, type Job, openPool } from "./host.ts"

const QUEUE = "bench"
/** More jobs in one call of `insert` gain nothing. */
const INSERTED_AT_ONCE = 20_000

const url = argument(0)
const isExpert = argument(1) === "expert"
const pool = await openPool(url)
const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false })
boss.on("error", (error) => process.stderr.write(`pg-boss: ${error.message}\n`))
await boss.start()
await boss.createQueue(QUEUE)

const insert = async (jobs: ReadonlyArray<Job>): Promise<void> => {
  for (let from = 0; from < jobs.length; from += INSERTED_AT_ONCE) {
    await boss.insert(
      QUEUE,
      jobs.slice(from, from + INSERTED_AT_ONCE).map((data) => ({ data }))
    )
  }
}

const countOf = async (condition: string): Promise<number> => {
  const { rows } = await pool.query<{ jobs: number }>(
    `SELECT count(*)::integer AS jobs FROM pgboss.job WHERE name = $1 AND ${condition}`,
    [QUEUE]
  )
  return rows[0]?.jobs ?? 0
}

const expect = async (condition: string, count: number): Promise<void> => {
  const found = await countOf(condition)
  if (found !== count) throw new Error(`${found} jobs where ${condition}, not ${count}`)
}

const settled = async (count: number): Promise<void> => {
  while ((await countOf("state = 'completed'")) < count) await new Promise((resolve) => setTimeout(resolve, 2))
}

const emptied = async (count: number): Promise<ReadonlyArray<Job>> => {
  await boss.deleteAllJobs(QUEUE)
  return fillRuns(pool, count)
}

/** Milliseconds for putting in so many jobs. */
const bulk = async (count: number): Promise<number> => {
  const jobs = await emptied(count)
  collectGarbage()
  const begun = performance.now()
  await insert(jobs)
  const millis = performance.now() - begun
  await expect("state = 'created'", count)
  return millis
}

/** Milliseconds from the start of the workers until all jobs are completed. */
const drain = async (count: number): Promise<number> => {
  await insert(await emptied(count))
  await pool.query("VACUUM ANALYZE")
  const handled = new Set<number>()
  let calls = 0
  const noteAll = (jobs: ReadonlyArray<{ data: Job }>) => {
    calls += jobs.length
    for (const { data } of jobs) handled.add(data.runId)
    if (handled.size === count) allHandled.resolve()
  }
  const allHandled = Promise.withResolvers<void>()
  collectGarbage()
  const begun = performance.now()
  await boss.work<Job>(
    QUEUE,
    { batchSize: 500, localConcurrency: 2, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
    async (jobs) => {
      if (isExpert) {
        await checkAsExpert(
          pool,
          jobs.map(({ data }) => data)
        )
      }
      noteAll(jobs)
    }
  )
  await allHandled.promise
  await settled(count)
  const millis = performance.now() - begun
  await boss.offWork(QUEUE)
  await expect("state = 'completed'", count)
  if (calls !== count) throw new Error(`${calls} jobs were handled, not ${count}`)
  if (isExpert) await checkRuns(pool, count)
  return millis
}

serve({ bulk, drain })
