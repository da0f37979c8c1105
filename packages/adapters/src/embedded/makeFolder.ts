import { mkdirSync, statSync } from "node:fs"
import { dirname } from "node:path"

/**
 * Makes a folder for this user alone, and the missing ones above it. Not `mkdir` with `recursive`, because that never
 * returns below folders whose file system answers "no such file" to creation, such as /proc.
 */
export const makeFolder = (path: string): void => {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    // Another process may have been quicker.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw cause
  }
}
