/**
 * The most bytes that PostgreSQL sends at once, such as one row. A driver's own limit may be less than a run may have as its payload: that
 * run could be stored, and every claim that comes to it would lose its connection.
 */
export const MESSAGE_MAX_BYTES = 1024 * 1024 * 1024
