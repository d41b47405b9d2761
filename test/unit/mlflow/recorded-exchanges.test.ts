import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { openServer } from "./open-server.ts";

/**
 * The conversation of MLflow's own client with its own server (onnx model logged, registered, moved, loaded), replayed without Python.
 * Ids that the server chose are learnt from the first answer that names them; times are compared as times.
 */
interface Exchange {
  readonly step: string;
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly answer: unknown;
  readonly answerType?: string;
}

const exchanges: Exchange[] = JSON.parse(
  await readFile(new URL("../../fixtures/mlflow/wire-3.11.json", import.meta.url), "utf8"),
);

const TIMES = new Set([
  "creation_time",
  "last_update_time",
  "creation_timestamp",
  "last_updated_timestamp",
  "creation_timestamp_ms",
  "last_updated_timestamp_ms",
]);
const ID = /^(m-)?[0-9a-f]{32}$/;
/** Generated names differ, as they should. */
const GENERATED_NAME = /^[a-z]+-[a-z]+-\d{1,4}$/;

/** Recorded id to ours. */
const ids = new Map<string, string>();
/** The recorded server named its folder in errors; ours does not tell where its files lie. */
const ROOT = "/recorded/mlartifacts";
const ours = (text: string): string =>
  text.replaceAll(ROOT, "mlflow-artifacts:/").replace(/(m-)?[0-9a-f]{32}/g, (id) => ids.get(id) ?? id);

/** Differences of `found` from `recorded`, each as "path: recorded, found"; learns ids on the way. */
function differences(recorded: unknown, found: unknown, path: string, key = ""): string[] {
  if (typeof recorded === "string" && typeof found === "string") {
    if (ID.test(recorded) && ID.test(found) && !ids.has(recorded)) ids.set(recorded, found);
    if (recorded.startsWith('[{"name":')) return sameVersions(recorded, found) ? [] : [`${path}: ${recorded}, ${found}`];
    if (GENERATED_NAME.test(recorded) && GENERATED_NAME.test(found)) return [];
    return ours(recorded) === found ? [] : [`${path}: ${ours(recorded)}, ${found}`];
  }
  if (TIMES.has(key)) return Number.isInteger(recorded) && Number.isInteger(found) ? [] : [`${path}: no times`];
  if (Array.isArray(recorded) && Array.isArray(found)) {
    if (recorded.length !== found.length) return [`${path}: ${recorded.length} items, ${found.length} items`];
    return recorded.flatMap((item, index) => differences(item, found[index], `${path}[${index}]`));
  }
  if (typeof recorded === "object" && recorded !== null && typeof found === "object" && found !== null) {
    const before = new Map(Object.entries(recorded));
    const now = new Map(Object.entries(found));
    return [...new Set([...before.keys(), ...now.keys()])].flatMap((name) => {
      // MLflow forgets the aliases of versions that it lists (mlflow/mlflow#16734); ours are there.
      if (name === "aliases" && !before.has(name)) return [];
      return differences(before.get(name), now.get(name), `${path}.${name}`, name);
    });
  }
  return recorded === found ? [] : [`${path}: ${JSON.stringify(recorded)}, ${JSON.stringify(found)}`];
}

test("answers MLflow's client as MLflow's server did", async () => {
  const server = await openServer();
  const wrong: string[] = [];
  for (const exchange of exchanges) {
    const [path = "", query] = ours(exchange.path).split("?");
    const { body } = exchange;
    const text = typeof body === "string" ? ours(body) : body === undefined ? "" : ours(JSON.stringify(body));
    const sizeBytes = Number(/^<(\d+) bytes>$/.exec(text)?.[1] ?? Number.NaN);
    const response = await server.send({
      method: exchange.method,
      path,
      query: query === undefined ? [] : [...new URLSearchParams(query)],
      headers: exchange.type === undefined ? {} : { "content-type": exchange.type },
      body: Number.isNaN(sizeBytes) ? Buffer.from(text) : Buffer.alloc(sizeBytes, "x"),
    });
    const at = `${exchange.step} ${exchange.method} ${exchange.path}`;
    if (response.status !== exchange.status) wrong.push(`${at}: status ${exchange.status}, ${response.status} ${response.text}`);
    const type = exchange.answerType?.split(";")[0];
    if (type !== response.headers["content-type"]?.split(";")[0])
      wrong.push(`${at}: type ${type}, ${response.headers["content-type"]}`);
    wrong.push(...compareAnswers(exchange, response.text).map((difference) => `${at} ${difference}`));
  }
  expect(wrong).toEqual([]);
});

/** MLflow's server and client note a version twice, as 1 and as "1" (a bug); ours are there once. */
function sameVersions(recorded: string, found: string): boolean {
  const distinct = (text: string): string[] =>
    [
      ...new Set<string>(JSON.parse(text).map((entry: { name: string; version: unknown }) => `${entry.name} ${entry.version}`)),
    ].sort();
  return distinct(recorded).join() === distinct(found).join();
}

function compareAnswers(exchange: Exchange, text: string): string[] {
  const { answer } = exchange;
  if (typeof answer !== "string") return differences(answer, JSON.parse(text), "");
  const sizeBytes = /^<(\d+) bytes>$/.exec(answer)?.[1];
  if (sizeBytes !== undefined) return Number(sizeBytes) === text.length ? [] : [`size ${sizeBytes}, ${text.length}`];
  return ours(answer) === text ? [] : [`body ${answer.slice(0, 80)}, ${text.slice(0, 80)}`];
}
