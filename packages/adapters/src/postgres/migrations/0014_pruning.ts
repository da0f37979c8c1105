/** An index less when a run ends: what is old enough to be deleted is found once a day, by the time its id begins with. */
import type { Names } from "../SchemaName.ts"

/** The statements of this migration, in order. */
export const statements = ({ q }: Names): ReadonlyArray<string> => [`DROP INDEX ${q}.runs_completed`]
