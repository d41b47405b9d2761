import type { Context } from "./context.ts";
import { type Endpoint, readBody } from "./endpoint.ts";
import { isObject, parseExactJson } from "./read-request.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * The answer of another endpoint, as a client would get it: with the same checks and the same words.
 * @param values by the names of the request's fields; undefined ones are not sent.
 * @throws MlflowError as the endpoint does.
 */
export async function ask(
  context: Context,
  endpoints: readonly Endpoint[],
  method: Endpoint["methods"][number],
  path: string,
  values: Values,
): Promise<Record<string, unknown>> {
  const endpoint = endpoints.find((one) => one.path === path && one.methods.includes(method));
  if (endpoint === undefined) throw new Error(`no endpoint ${method} ${path}`);
  const sent = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  const query = sent.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item): [string, string] => [name, String(item)]),
  );
  const answer = await endpoint.handle(context, {
    method,
    path,
    params: {},
    ...(method === "GET"
      ? { query }
      : { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(Object.fromEntries(sent))) }),
  });
  const parsed = parseExactJson(Buffer.from(await readBody({ body: answer.body }, Number.POSITIVE_INFINITY)).toString());
  return isObject(parsed) ? parsed : {};
}
