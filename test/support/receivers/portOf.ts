import type { Server } from "node:net"

/** Where a server listens that was given no port. */
export const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server does not listen")
  return address.port
}
