import { createHash } from "node:crypto";

/** How long an answer may be given again without looking: far below what a withdrawn key takes to be noticed. */
const REMEMBERED_MS = 10_000;
const MAX_REMEMBERED = 10_000;

/**
 * Gives the answer for a text that was right a moment ago again: a signature costs thirty times what the rest of a small request does.
 * Refusals are never remembered. The texts are kept as digests.
 * @param endOf when the answer ends by itself, ms; null: it does not
 */
export function remembering<T>(
  read: (text: string) => Promise<T>,
  endOf: (answer: T) => number | null,
  now: () => number,
): (text: string) => Promise<T> {
  const known = new Map<string, { readonly answer: T; readonly untilMs: number }>();
  return async (text) => {
    const digest = createHash("sha256").update(text).digest("base64");
    const found = known.get(digest);
    if (found !== undefined && now() < found.untilMs) return found.answer;
    known.delete(digest);
    const answer = await read(text);
    const [oldest] = known.keys();
    if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
    known.set(digest, { answer, untilMs: Math.min(now() + REMEMBERED_MS, endOf(answer) ?? Number.POSITIVE_INFINITY) });
    return answer;
  };
}
