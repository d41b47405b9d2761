import { RequeenError } from "../core/errors.ts";

/**
 * A text as a value in MLflow's search filters. The grammar has no escape character: a text with single quotes goes into double quotes,
 * and one with both kinds cannot be written.
 * @throws bad_query for a text with both kinds of quotes.
 */
export function quoted(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new RequeenError("bad_query", `the value of an MLflow filter must not hold both ' and "; got ${JSON.stringify(text)}`, {
    value: text,
  });
}
