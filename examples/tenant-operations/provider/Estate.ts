/** What the provider holds for one customer, and the trouble it makes when told to. */

/** One thing of the provider's: a device, a policy. */
export interface Item {
  readonly id: string
  readonly name: string
}

/** A group of the customer's directory. */
export interface Group extends Item {
  readonly members: number
}

/** An answer in place of the real one. */
export interface Trouble {
  readonly status: 401 | 429 | 500
  readonly retryAfterSeconds?: number
}

/** A customer's estate at the provider. */
export interface Estate {
  readonly token: string
  readonly devices: Map<string, Item>
  readonly groups: Map<string, Group>
  readonly policies: Map<string, Item>
  /** Policies that nobody may delete. */
  readonly locked: Set<string>
  /** What becomes of the next requests, the first one first; `none` lets one through. */
  readonly troubles: Array<Trouble | "none">
}

const items = (what: string, count: number): Map<string, Item> =>
  new Map(
    Array.from({ length: count }, (_, index) => {
      const id = `${what}-${index + 1}`
      return [id, { id, name: `${what} ${index + 1}` }]
    })
  )

/** An estate with seven devices, three groups and nine policies. */
export const makeEstate = (token: string): Estate => ({
  token,
  devices: items("device", 7),
  groups: new Map([...items("group", 3)].map(([id, item], index) => [id, { ...item, members: index + 1 }])),
  policies: items("policy", 9),
  locked: new Set(),
  troubles: []
})
