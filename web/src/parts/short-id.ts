/** Enough of a digest to tell it from the others; an id that somebody chose stays whole. */
export const shortId = (id: string): string =>
  /^(run-)?[0-9a-f]{16,}$/.test(id) ? id.slice(0, id.startsWith("run-") ? 12 : 10) : id;
