import { Duplex } from "node:stream"
import { setImmediate } from "node:timers"
import type { PGlite } from "@electric-sql/pglite"
import { queryFrame, readFirstMessage, readResponse, splitBatch } from "./wireFrames.ts"

/** A `NOTIFY` that reached the session. */
export interface Notification {
  readonly processId: number
  readonly channel: string
  readonly payload: string
}

interface Peer {
  readonly stream: Duplex
  received: Buffer
  started: boolean
}

/**
 * What `DISCARD ALL` does, short of `UNLISTEN`: a new connection must not find the prepared statements, temporary tables
 * or settings of the one before, but listeners outlive connections here. ROLLBACK is apart: it ends what must not be
 * one transaction with the rest.
 */
const resetSession = [
  "ROLLBACK",
  `CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; SELECT pg_advisory_unlock_all();
   DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES`
]

/**
 * Serves the PostgreSQL wire protocol from a PGlite engine, to one connection at a time.
 *
 * PGlite is a single session: a new connection replaces the one before and starts with a clean session. Statements run
 * on this very thread, so nothing can cancel one that is running.
 */
export class WireServer {
  readonly #engine: PGlite
  #current: Peer | undefined
  #turn: Promise<unknown> = Promise.resolve()
  /** No transaction is open and no batch is half done: the only time at which the server may speak for itself. */
  #idle = true
  #commands: Array<{ readonly sql: string; readonly done: (problem: string | undefined) => void }> = []
  readonly #subscribers = new Map<string, Set<(notification: Notification) => void>>()

  constructor(engine: PGlite) {
    this.#engine = engine
  }

  /** Opens a connection. Give it to a client in place of a socket. */
  connect(): Duplex {
    const peer: Peer = {
      received: Buffer.alloc(0),
      started: false,
      stream: new Duplex({
        read: () => {},
        write: (chunk: Buffer, _encoding, done) => {
          this.#inTurn(() => this.#receive(peer, chunk)).then(() => done(), done)
        },
        final: (done) => {
          done()
          peer.stream.destroy()
        },
        destroy: (error, done) => {
          if (this.#current === peer) this.#leave()
          done(error)
        }
      })
    }
    return peer.stream
  }

  /**
   * Runs one statement of the server's own as soon as no transaction is open. Resolves to `undefined`, or to what the
   * database had against it; never rejects.
   */
  command(sql: string): Promise<string | undefined> {
    const answer = new Promise<string | undefined>((done) => this.#commands.push({ sql, done }))
    this.#inTurn(async () => {}).catch(() => {})
    return answer
  }

  /** Calls back for each notification on the channel, until the returned function is called. Does not `LISTEN`. */
  subscribe(channel: string, callback: (notification: Notification) => void): () => void {
    const callbacks = this.#subscribers.get(channel) ?? new Set()
    this.#subscribers.set(channel, callbacks.add(callback))
    return () => {
      callbacks.delete(callback)
      if (callbacks.size === 0 && this.#subscribers.get(channel) === callbacks) this.#subscribers.delete(channel)
    }
  }

  /** Whether anybody is subscribed to the channel. */
  hasSubscribers(channel: string): boolean {
    return this.#subscribers.has(channel)
  }

  /** Shuts the engine down; a database in a folder is complete on disk afterwards. */
  async close(): Promise<void> {
    this.#current?.stream.destroy()
    await this.#turn
    for (const { done } of this.#commands.splice(0)) done("the database was closed")
    await this.#engine.close()
  }

  /**
   * One thing at a time, in order, and never in the caller's own tick: the engine blocks the thread while it works, and
   * a busy client must not keep timers and sockets from their turn.
   */
  #inTurn(work: () => Promise<unknown>): Promise<unknown> {
    const turn = this.#turn
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(work)
      .then(() => this.#runCommands())
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #receive(peer: Peer, chunk: Buffer): Promise<void> {
    peer.received = peer.received.length === 0 ? chunk : Buffer.concat([peer.received, chunk])
    if (!peer.started) await this.#handshake(peer)
    if (!peer.started || peer.stream.destroyed) return
    const { batch, rest, terminated } = splitBatch(peer.received)
    peer.received = rest
    if (batch.length > 0) {
      const answer = await this.#run(batch)
      if (!peer.stream.destroyed) peer.stream.push(answer)
    }
    if (terminated) peer.stream.destroy()
  }

  async #handshake(peer: Peer): Promise<void> {
    while (!peer.started && !peer.stream.destroyed) {
      const first = readFirstMessage(peer.received)
      if (first === undefined) return
      peer.received = first.rest
      switch (first.kind) {
        case "encryption":
          peer.stream.push("N")
          break
        case "cancel":
          // By the time this is read, the statement it was meant for has ended.
          peer.stream.destroy()
          break
        case "session": {
          this.#current?.stream.destroy()
          this.#current = peer
          await this.#reset()
          peer.stream.push(await this.#run(first.message))
          peer.started = true
        }
      }
    }
  }

  /** As a server does when a connection is lost: an open transaction is rolled back at once. */
  #leave(): void {
    this.#current = undefined
    this.#inTurn(async () => {
      if (this.#current === undefined) await this.#reset()
    }).catch(() => {})
  }

  async #reset(): Promise<void> {
    for (const sql of resetSession) await this.#run(queryFrame(sql))
  }

  async #runCommands(): Promise<void> {
    while (this.#idle) {
      const command = this.#commands.shift()
      if (command === undefined) return
      command.done(await this.#problemOf(command.sql))
    }
  }

  /** What stands against a statement: an engine that has broken down answers nothing, and is no reason to wait. */
  async #problemOf(sql: string): Promise<string | undefined> {
    try {
      return readResponse(await this.#run(queryFrame(sql))).problem
    } catch (error) {
      return String(error)
    }
  }

  /** Hands messages to the engine; returns the answer without the notifications, which go to the subscribers. */
  async #run(messages: Buffer): Promise<Buffer> {
    const chunks: Array<Buffer> = []
    // The engine reuses the memory of each chunk, hence the copies.
    const onRawData = (bytes: Uint8Array) => void chunks.push(Buffer.from(bytes))
    await this.#engine.execProtocolRawStream(messages, { syncToFs: false, onRawData })
    const response = readResponse(Buffer.concat(chunks))
    this.#idle = response.idle
    for (const notification of response.notifications) {
      for (const callback of this.#subscribers.get(notification.channel) ?? []) callback(notification)
    }
    return response.answer
  }
}
