/** Other libraries beside us. Each question goes to a program in `peers/`, which does, times and checks the work. */
import { Effect } from "effect"
import { openPeer, type Peer } from "../harness/peer.ts"
import type { Case } from "../harness/Row.ts"
import { freshDatabase } from "../stores/server.ts"

/** What peers do has no batch of ours. */
export const PEER_COLUMN = "own best settings"

const drainCase = (peer: Peer, line: string, jobs: number): Case => ({
  name: line,
  measure: (share) => {
    const count = Math.ceil(jobs * share)
    return Effect.map(peer.ask("drain", count), (millis) => [
      { line, column: PEER_COLUMN, value: (count / millis) * 1000 }
    ])
  }
})

/** How many jobs a drain has: those that are checked by hand are slow. */
export interface PeerSizes {
  readonly jobs: number
  readonly byHand: number
}

export interface QueuePeers {
  readonly endToEnd: ReadonlyArray<Case>
  readonly dispatch: ReadonlyArray<Case>
}

/** pg-boss and graphile-worker, unguarded and with a check of the host's own. Each has a process and a database. */
export const openQueuePeers = Effect.fnUntraced(function* (serverUrl: string, { jobs, byHand }: PeerSizes) {
  const open = (program: string, guard: string) =>
    Effect.flatMap(freshDatabase(serverUrl), (url) => openPeer(program, [url, guard]))
  const boss = yield* open("pgBoss", "unguarded")
  const expert = yield* open("pgBoss", "expert")
  const graphile = yield* open("graphile", "unguarded")
  const checked = yield* open("graphile", "byHand")
  const line = "pg-boss"
  const bulk: Case = {
    name: `${line}, bulk insert`,
    measure: (share) => {
      const count = Math.ceil(jobs * share)
      return Effect.map(boss.ask("bulk", count), (millis) => [
        { line, column: "in bulk", value: (count / millis) * 1000 }
      ])
    }
  }
  const peers: QueuePeers = {
    endToEnd: [
      drainCase(boss, "pg-boss, unguarded", jobs),
      drainCase(expert, "pg-boss, an expert's batched check", jobs),
      drainCase(graphile, "graphile-worker, unguarded", jobs),
      drainCase(checked, "graphile-worker, checked by hand", byHand)
    ],
    dispatch: [bulk]
  }
  return peers
})

/** CASL, asked about the scenario of `decide`. */
export const openCasl = Effect.fnUntraced(function* (passes: number) {
  const casl = yield* openPeer("casl", [])
  return [20, 1].map((capabilities): Case => {
    const line = `CASL, ability built from fresh facts, ${capabilities} ${capabilities === 1 ? "capability" : "capabilities"}`
    const question = `decide, ${capabilities} ${capabilities === 1 ? "capability" : "capabilities"}`
    return {
      name: line,
      measure: () =>
        Effect.map(casl.ask(question, passes), (nanoseconds) => [{ line, column: "ns", value: nanoseconds }])
    }
  })
})
