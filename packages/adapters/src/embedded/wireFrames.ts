/**
 * The little of the PostgreSQL wire protocol (version 3) that has to be understood to pass it on: where messages end,
 * which of them finish a batch, and notifications.
 */

const readyForQuery = 0x5a
const notificationResponse = 0x41
const errorResponse = 0x45
const idleStatus = 0x49

/**
 * The first message of a connection, the only one without a type byte: a session start, a request for encryption (after
 * whose answer comes another first message), or the cancellation of another session. `undefined` until it is complete.
 */
export const readFirstMessage = (bytes: Buffer) => {
  if (bytes.length < 8) return undefined
  const length = bytes.readInt32BE(0)
  if (bytes.length < length) return undefined
  const kind = firstMessageKinds.get(bytes.readInt32BE(4)) ?? "session"
  return { kind, message: bytes.subarray(0, length), rest: bytes.subarray(length) }
}

const firstMessageKinds = new Map<number, "encryption" | "cancel">([
  [80877103, "encryption"], // SSLRequest
  [80877104, "encryption"], // GSSENCRequest
  [80877102, "cancel"]
])

/** Sync, Query, Flush and function call: the messages after which a server answers all it has received. */
const batchEnds = new Set(Buffer.from("SQHF"))
const terminate = 0x58

/** Splits received bytes after the last message that asks for an answer. */
export const splitBatch = (bytes: Buffer) => {
  let batchLength = 0
  let terminated = false
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) break
    const type = bytes[at]
    if (type === terminate) {
      terminated = true
      break
    }
    if (type !== undefined && batchEnds.has(type)) batchLength = end
    at = end
  }
  return { batch: bytes.subarray(0, batchLength), rest: bytes.subarray(batchLength), terminated }
}

/** A simple query message. */
export const queryFrame = (sql: string): Buffer => {
  const text = Buffer.from(`${sql}\0`)
  const frame = Buffer.alloc(5 + text.length)
  frame.write("Q")
  frame.writeInt32BE(4 + text.length, 1)
  text.copy(frame, 5)
  return frame
}

/**
 * Reads the answer to a batch. `idle`: the session waits for a new batch outside any transaction. `problem`: the text of
 * the first error.
 */
export const readResponse = (bytes: Buffer) => {
  const notifications: Array<{ readonly processId: number; readonly channel: string; readonly payload: string }> = []
  const kept: Array<Buffer> = []
  let keptFrom = 0
  let idle = false
  let problem: string | undefined
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    const type = bytes[at]
    if (type === readyForQuery) {
      idle = bytes[at + 5] === idleStatus
    } else if (type === errorResponse) {
      problem ??= errorText(bytes.subarray(at + 5, end))
    } else if (type === notificationResponse) {
      const [channel = "", payload = ""] = bytes.toString("utf8", at + 9, end).split("\0")
      notifications.push({ processId: bytes.readInt32BE(at + 5), channel, payload })
      kept.push(bytes.subarray(keptFrom, at))
      keptFrom = end
    }
    at = end
  }
  const answer = keptFrom === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(keptFrom)])
  return { answer, notifications, idle, problem }
}

const errorText = (fields: Buffer): string =>
  fields
    .toString("utf8")
    .split("\0")
    .find((field) => field.startsWith("M"))
    ?.slice(1) ?? "unknown error"
