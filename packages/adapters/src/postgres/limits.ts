/** Limits as they stand in SQL texts. */

/** The most rows one reading gives. */
const MOST = 1000

/**
 * The limit as a literal. As a parameter it would spoil the generic plan, which then takes it for a tenth of the table.
 * Whole, from 1 to 1000.
 */
export const limited = (limit: number): string => String(Math.min(MOST, Math.max(1, Math.trunc(limit) || 1)))
