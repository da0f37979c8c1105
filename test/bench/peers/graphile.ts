/**
 * graphile-worker with the settings of its own performance page: 24 jobs at once, a local queue of 500, completions in batches.
 * Arguments: the database, and whether its task checks (`unguarded`, `byHand`).
 */
import { Logger, makeWorkerUtils, run } from "graphile-worker"
import { collectGarbage } from "../harness/memory.ts"
import { argument, serve } from "../harness/serve.ts"
import { checkByHand, checkRuns, fillRuns, type Job, openPool } from "./host.ts"

const TASK = "bench"

const url = argument(0)
const isGuarded = argument(1) === "byHand"
const logger = new Logger(() => () => {})
const pool = await openPool(url)
const utils = await makeWorkerUtils({ connectionString: url, logger })
await utils.migrate()

const countLeft = async (): Promise<number> => {
  const { rows } = await pool.query<{ jobs: number }>(
    "SELECT count(*)::integer AS jobs FROM graphile_worker._private_jobs"
  )
  return rows[0]?.jobs ?? 0
}

const isJob = (payload: unknown): payload is Job =>
  typeof payload === "object" && payload !== null && "runId" in payload && typeof payload.runId === "number"

/** Milliseconds from the start of the worker until no job is left. */
const drain = async (count: number): Promise<number> => {
  await pool.query("TRUNCATE graphile_worker._private_jobs")
  const jobs = await fillRuns(pool, count)
  await utils.addJobs(jobs.map((payload) => ({ identifier: TASK, payload })))
  await pool.query("VACUUM ANALYZE")
  if ((await countLeft()) !== count) throw new Error("not all jobs are there")
  const handled = new Set<number>()
  let calls = 0
  const allHandled = Promise.withResolvers<void>()
  const task = async (payload: unknown) => {
    if (!isJob(payload)) throw new Error("that is no job of ours")
    if (isGuarded) await checkByHand(pool, payload)
    calls += 1
    handled.add(payload.runId)
    if (handled.size === count) allHandled.resolve()
  }
  collectGarbage()
  const begun = performance.now()
  const runner = await run({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0
      }
    },
    taskList: { [TASK]: task },
    crontab: "",
    noHandleSignals: true,
    logger
  })
  await allHandled.promise
  while ((await countLeft()) > 0) await new Promise((resolve) => setTimeout(resolve, 2))
  const millis = performance.now() - begun
  await runner.stop()
  if (calls !== count) throw new Error(`${calls} jobs were handled, not ${count}`)
  if (isGuarded) await checkRuns(pool, count)
  return millis
}

serve({ drain })
