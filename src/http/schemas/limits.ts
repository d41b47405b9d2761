/** Longest page of a list. */
export const MAX_LISTED = 1_000;
