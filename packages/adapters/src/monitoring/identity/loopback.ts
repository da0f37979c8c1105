/** Whether somebody asks from this very machine. */
import type { Asking } from "../Viewer.ts"

const ADDRESSES = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/
const HOSTS = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** What proxies say of themselves; one that says nothing cannot be told from a browser. */
const OF_PROXIES = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]

/**
 * Both the connection and the name that was asked for are this machine's: a page of elsewhere whose name is made to lead here is
 * told by the name it asks for. Behind a proxy that says that it is one nobody is from this machine.
 */
export const isFromThisMachine = ({ peerAddress, headers }: Asking): boolean =>
  peerAddress !== null &&
  ADDRESSES.test(peerAddress) &&
  HOSTS.test(headers.host ?? "") &&
  OF_PROXIES.every((name) => headers[name] === undefined)
