/** The way to a server: as a network is, it may stand still without anybody being told. */
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

export interface Link {
  /** Where to connect instead, on the loopback interface. */
  readonly port: number
  /** Connections stay open, new ones are taken, and nothing gets through either way. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

interface Line {
  readonly near: Socket
  readonly far: Socket
}

const opened = ({ near, far }: Line) => {
  near.pipe(far)
  far.pipe(near)
}

const shut = ({ near, far }: Line) => {
  near.unpipe(far).pause()
  far.unpipe(near).pause()
}

const makeLink = async (serverPort: number) => {
  const lines = new Set<Line>()
  let frozen = false
  const server = createServer((near) => {
    const line: Line = { near, far: connect(serverPort, "127.0.0.1") }
    lines.add(line)
    for (const [one, other] of [
      [line.near, line.far],
      [line.far, line.near]
    ] as const) {
      // What goes wrong on one side is seen on the other as a connection that breaks.
      one.on("error", () => undefined)
      one.on("close", () => {
        lines.delete(line)
        other.destroy()
      })
    }
    if (frozen) shut(line)
    else opened(line)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no loopback port")
  return {
    port: address.port,
    setFrozen: (to: boolean) => {
      frozen = to
      for (const line of lines) (to ? shut : opened)(line)
    },
    close: () => {
      server.close()
      for (const { near, far } of lines) {
        near.destroy()
        far.destroy()
      }
    }
  }
}

/** A link to the server that listens, or will listen, at this port. */
export const linkTo = (serverPort: number): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => makeLink(serverPort)),
      ({ close }) => Effect.sync(close)
    ),
    ({ port, setFrozen }) => ({
      port,
      freeze: Effect.sync(() => setFrozen(true)),
      thaw: Effect.sync(() => setFrozen(false))
    })
  )
