/** The garbage collector, on demand: what one case leaves behind must not be cleaned up in another one's time. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const gc: unknown = runInNewContext("gc")

/** Collects everything that can be collected, now. */
export const collectGarbage = (): void => {
  if (typeof gc === "function") gc()
}
