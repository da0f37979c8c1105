/** Limits as they stand in SQL texts. */

/** The most rows one reading gives. */
const MOST = 1000

/**
 * The limit as a literal. As a parameter it would spoil the generic plan, which then takes it for a tenth of the table.
 * Whole, from 1 to 1000, or to another most.
 */
export const limited = (limit: number, most = MOST): string =>
  String(Math.min(most, Math.max(1, Math.trunc(limit) || 1)))
