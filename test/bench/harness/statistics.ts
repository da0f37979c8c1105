/** Numbers about numbers. All of them throw on an empty list: a cell without figures is a mistake. */

const sorted = (values: ReadonlyArray<number>): ReadonlyArray<number> => values.toSorted((a, b) => a - b)

/** The value below which this share (0 to 1) of the values lie, interpolated. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const ordered = sorted(values)
  const position = (ordered.length - 1) * share
  const below = ordered[Math.floor(position)]
  const above = ordered[Math.ceil(position)]
  if (below === undefined || above === undefined) throw new RangeError("no values")
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** What is reported of one cell over its rounds. */
export interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly rounds: number
}

export const summaryOf = (values: ReadonlyArray<number>): Summary => ({
  median: median(values),
  least: quantile(values, 0),
  most: quantile(values, 1),
  rounds: values.length
})
