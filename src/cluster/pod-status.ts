import type { PodReport } from "../loop/rollout-strategy.ts";

const MOST_BYTES = 256 * 1024;

/**
 * Asks a pod's `/status` or `/health` what it judges by. Read is JSON with `model_loaded` and `model_version`, `model.version` or `version`,
 * at the top or under `model`, `details`, `status` or `checks`, where the original pods put them.
 * @returns a report; `problem` is "" only for a loaded model of the wanted version.
 */
export async function askPod(pod: string, url: string, version: string, signal: AbortSignal): Promise<PodReport> {
  const silent = (problem: string): PodReport => ({ pod, version: null, model_loaded: false, problem });
  let text: string;
  let status: number;
  try {
    const response = await fetch(url, { signal, redirect: "manual", headers: { accept: "application/json" } });
    status = response.status;
    text = (await response.text()).slice(0, MOST_BYTES);
  } catch (error) {
    return silent(`${url} does not answer: ${reasonOf(error)}`);
  }
  // a pod that is up and whose model is not loaded answers 503 with the same body
  const report = readReport(text);
  if (report === null) return silent(`${url} answers ${status} and no JSON object`);
  const { modelLoaded, reported } = report;
  const problem =
    status >= 300 && status < 400
      ? `${url} redirects; rollout.verifyUrl must be the address itself`
      : modelLoaded !== true
        ? `reports model_loaded ${JSON.stringify(modelLoaded ?? null)}`
        : reported !== version
          ? `reports version ${reported ?? "none"}, not ${version}`
          : "";
  return { pod, version: reported, model_loaded: modelLoaded === true, problem };
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

export function readReport(text: string): { readonly modelLoaded: unknown; readonly reported: string | null } | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isFields(body)) return null;
  const inside = ["model", "details", "status", "checks"].map((name) => body[name]).filter(isFields);
  const models = inside.map(({ model }) => model).filter(isFields);
  const parts = [body, ...inside, ...models];
  const modelLoaded = parts.map(({ model_loaded, loaded }) => model_loaded ?? loaded).find((value) => value !== undefined);
  const candidates = [
    ...parts.map(({ model_version }) => model_version),
    ...[body.model, ...models].filter(isFields).map(({ version }) => version),
    ...inside.map(({ version }) => version),
    // last: beside a model's version, the plain one is that of the program
    body.version,
  ];
  const found = candidates.find((value) => typeof value === "string" || typeof value === "number");
  return { modelLoaded, reported: found === undefined ? null : String(found).replace(/^v(?=\d)/, "") };
}
