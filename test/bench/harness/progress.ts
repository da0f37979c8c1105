/** Progress goes to standard error: standard output is for the result. */
const begun = performance.now()

/** One line, with the seconds since the start. */
export const say = (text: string): void => {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6)
  process.stderr.write(`${seconds} s  ${text}\n`)
}
