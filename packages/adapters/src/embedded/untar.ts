import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const blockBytes = 512
const directory = 0x35

const textAt = (tar: Buffer, from: number, length: number): string =>
  tar.toString("latin1", from, from + length).split("\0", 1)[0] ?? ""

/**
 * Unpacks the files and directories of a tar file below `folder`: ten times faster than to have the engine copy them
 * through its emulated file system. Meant for the templates of this package, so links and long names are not known.
 */
export const untar = (tar: Buffer, folder: string): void => {
  for (let at = 0; at + blockBytes <= tar.length && tar[at] !== 0; ) {
    const path = join(folder, textAt(tar, at, 100))
    const size = Number.parseInt(textAt(tar, at + 124, 12), 8) || 0
    const start = at + blockBytes
    if (tar[at + 156] === directory) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
    } else {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeFileSync(path, tar.subarray(start, start + size), { mode: 0o600 })
    }
    at = start + Math.ceil(size / blockBytes) * blockBytes
  }
}
