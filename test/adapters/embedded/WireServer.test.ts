/** The wire protocol as a client may cut it up, and an engine that has broken down. */
import { once } from "node:events"
import { PGlite } from "@electric-sql/pglite"
import { afterAll, assert, beforeAll, describe, it, vi } from "vitest"
import * as DataTemplate from "../../../packages/adapters/src/embedded/DataTemplate.ts"
import { WireServer } from "../../../packages/adapters/src/embedded/WireServer.ts"
import { queryFrame } from "../../../packages/adapters/src/embedded/wireFrames.ts"

let engine: PGlite
let server: WireServer

beforeAll(async () => {
  const template = DataTemplate.find() ?? (await DataTemplate.make())
  engine = await PGlite.create({ loadDataDir: new Blob([template]) })
  server = new WireServer(engine)
})
afterAll(() => server.close())

const encryptionRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const cancelRequest = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2])
const terminate = Buffer.from("X\0\0\0\x04")

const startup = (): Buffer => {
  const parameters = Buffer.from("user\0postgres\0database\0postgres\0\0")
  const head = Buffer.alloc(8)
  head.writeInt32BE(head.length + parameters.length, 0)
  head.writeInt32BE(3 << 16, 4)
  return Buffer.concat([head, parameters])
}

/** What the server says to these chunks, as the types of its messages, each with what it holds where that is data. */
const answerTo = async (chunks: ReadonlyArray<Buffer>): Promise<string> => {
  const stream = server.connect()
  const received: Array<Buffer> = []
  stream.on("data", (chunk: Buffer) => received.push(chunk))
  const closed = once(stream, "close")
  for (const chunk of chunks) stream.write(chunk)
  await closed
  const [encryption = 0, ...rest] = Buffer.concat(received)
  const bytes = Buffer.from(rest)
  let said = String.fromCharCode(encryption)
  for (let at = 0; at + 5 <= bytes.length; ) {
    const [type, end] = [bytes.toString("latin1", at, at + 1), at + 1 + bytes.readInt32BE(at + 1)]
    // Settings are reported to the first client of an engine more often than to later ones.
    if (type !== "S") said += type === "D" ? `D(${bytes.toString("latin1", at + 11, end)})` : type
    at = end
  }
  return said
}

describe("the wire", () => {
  it("may be cut and joined anywhere", async () => {
    const talk = Buffer.concat([
      encryptionRequest,
      startup(),
      ...["SELECT 'one'", "BEGIN", "nonsense", "ROLLBACK", "SELECT 'two'"].map(queryFrame),
      terminate
    ])
    const whole = await answerTo([talk])
    assert.strictEqual(whole, "NRKZTD(one)CZCZEZCZTD(two)CZ")
    assert.strictEqual(await answerTo(Array.from(talk, (_, at) => talk.subarray(at, at + 1))), whole)
  })

  it("a request to cancel changes nothing for the session that is there", async () => {
    const stream = server.connect()
    stream.write(startup())
    await once(stream, "data")
    const cancelling = server.connect()
    cancelling.write(cancelRequest)
    await once(cancelling, "close")
    stream.write(queryFrame("SELECT 'still here'"))
    const [answer] = await once(stream, "data")
    assert.include(String(answer), "still here")
    stream.destroy()
  })

  it("an engine that has broken down says so, where it is asked to listen as well", async () => {
    const broken = vi.spyOn(engine, "execProtocolRawStream").mockRejectedValue(new Error("out of memory"))
    assert.include(await server.command("LISTEN c"), "out of memory")
    broken.mockRestore()
    assert.isUndefined(await server.command("LISTEN c"))
  })
})
