/** The arguments that dispatch a run of the tests' app which takes that long, on the system's authority. */
export const waiting = (millis: number) => [
  "dispatch",
  "wait",
  "--workspace",
  "w",
  "--system",
  "--payload",
  JSON.stringify({ millis }),
  "--json"
]
