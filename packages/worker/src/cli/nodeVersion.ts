/** Which Node runs this. Imports nothing, so that a Node that is too old gets as far as being told. */

/** The oldest Node this runs on; a test compares it with `package.json`. */
export const OLDEST_NODE = { major: 22, minor: 19 }

/** Whether a Node of this version, such as `24.1.0`, is new enough. */
export const isNewEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor)
}

/** What to tell somebody whose Node is too old. */
export const tooOld = (version: string): string =>
  `countersign: Node ${version} is too old\n  use Node ${OLDEST_NODE.major}.${OLDEST_NODE.minor} or newer\n`
