import { constants } from "node:fs";
import { access, mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { redactUri } from "../../config/secret.ts";
import { ERRORS } from "../../core/errors.ts";
import type { House } from "../../loop/house.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { toRequeenError } from "../render/problem.ts";
import { renderTable } from "../render/table.ts";
import { bytes } from "../render/values.ts";
import { trySignIn } from "../try-sign-in.ts";

interface Finding {
  readonly check: string;
  /** `skipped`: cannot be tried because of an earlier failure. */
  readonly state: "ok" | "failed" | "skipped";
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null;
}

interface Examination {
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

const LEAST_NODE = 24;
/** Below this a snapshot or a model file may no longer fit. */
const LEAST_FREE_BYTES = 512 * 1024 ** 2;

export const doctor = defineCommand({
  name: "doctor",
  summary: "Try everything that Requeen needs, and say what to do where it fails.",
  details: "Exits with 7 when a check fails. The data folder is made when it is not there, as by any other command.",
  arguments: {},
  options: {},
  examples: [
    { line: "requeen doctor", does: "after the installation, and whenever something is strange" },
    { line: "MLFLOW_TRACKING_URI=http://mlflow:5000 requeen doctor --json", does: "does that server answer?" },
  ],
  changes: false,
  run: async (_values, context): Promise<Examination> => {
    const findings: Finding[] = [examineNode(), examineConfig(context)];
    findings.push(await examine("data folder", () => tryFolder(context.config.dataDir)));
    findings.push(await examine("disk space", () => measureDisk(context.config.dataDir)));
    findings.push(...(await examineHouse(context)));
    findings.push(await examine("sign-in", () => trySignIn(context.config, context.now)));
    return { healthy: findings.every(({ state }) => state === "ok"), findings };
  },
  render: ({ healthy, findings }, terminal) => {
    const { green, red, dim } = terminal.style;
    const tint = { ok: green, failed: red, skipped: dim };
    const table = renderTable(
      findings,
      [
        { title: "CHECK", text: ({ check }) => check },
        { title: "STATE", text: ({ state }) => tint[state](state) },
        { title: "FOUND", shrinks: healthy, text: ({ found }) => found },
      ],
      terminal,
    );
    const remedies = findings.flatMap(({ check, remedy }) => (remedy === null ? [] : [`  ${check}: ${remedy}`]));
    return [table, ...(remedies.length === 0 ? [] : ["", "What to do:", ...remedies])].join("\n");
  },
  exitCode: ({ healthy }) => (healthy ? 0 : ERRORS.store_unavailable.exit),
});

/** Runs one check; what it throws is its finding. */
async function examine(check: string, find: () => Promise<string>): Promise<Finding> {
  try {
    return { check, state: "ok", found: await find(), remedy: null };
  } catch (thrown) {
    const error = toRequeenError(thrown);
    const remedy =
      error.code === "internal" ? "See the message; check owner, mode and room of the folder." : ERRORS[error.code].remedy;
    return { check, state: "failed", found: error.message, remedy };
  }
}

function examineNode(): Finding {
  const { node } = process.versions;
  const isEnough = Number.parseInt(node, 10) >= LEAST_NODE;
  const remedy = isEnough ? null : "Start through `npx requeen`, which brings its own Node.";
  return { check: "node", state: isEnough ? "ok" : "failed", found: `${node} (${process.platform} ${process.arch})`, remedy };
}

/** A configuration with an error never gets here; names without effect do. */
function examineConfig({ loaded, config }: CommandContext): Finding {
  const names = config.specialists.map(({ name }) => name).join(", ");
  const without = loaded.ignored.length === 0 ? "" : `; without effect: ${loaded.ignored.join(", ")}`;
  return {
    check: "configuration",
    state: "ok",
    found: `${loaded.file ?? "no file, defaults"}; specialists ${names}${without}`,
    remedy: null,
  };
}

async function tryFolder(dataDir: string): Promise<string> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true });
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const probe = join(folder, `.doctor-${process.pid}`);
  await writeFile(probe, "requeen doctor writes and removes this file\n", { flush: true });
  await rm(probe);
  return `${folder} can be written`;
}

async function measureDisk(dataDir: string): Promise<string> {
  const { bavail, bsize } = await statfs(resolve(dataDir)).catch(() => statfs(dirname(resolve(dataDir))));
  const freeBytes = bavail * bsize;
  if (freeBytes < LEAST_FREE_BYTES) throw new Error(`${bytes(freeBytes)} free, less than ${bytes(LEAST_FREE_BYTES)}`);
  return `${bytes(freeBytes)} free`;
}

async function examineHouse(context: CommandContext): Promise<Finding[]> {
  let house: House | null = null;
  const store = await examine("store", async () => {
    house = await context.openHouse();
    const page = await house.store.listRuns({}, { limit: 1 });
    return page.items.length === 0 ? "opens; no runs yet" : `opens; last run ${page.items[0]?.run_id}`;
  });
  const opened: House | null = house;
  if (opened === null) {
    return [store, { check: "registry", state: "skipped", found: "not tried, since the store did not open", remedy: null }];
  }
  const registry = await examine("registry", () => tryRegistry(opened, context));
  return needsCluster(context) ? [store, registry, await examine("cluster", () => tryCluster(context))] : [store, registry];
}

const needsCluster = ({ config }: CommandContext): boolean =>
  config.executor === "kubernetes" ||
  config.rollout.strategy === "restart" ||
  /\{pod(_ip)?\}/.test(config.rollout.verifyUrl ?? "");

/** Asks for what a run or a rollout would ask for; changes nothing. */
async function tryCluster({ config }: CommandContext): Promise<string> {
  const { clusterOf } = await import("../cluster-parts.ts");
  const { api, namespace } = await clusterOf(config);
  const home = config.cluster.namespace ?? namespace;
  const found: string[] = [];
  if (config.executor === "kubernetes") {
    const { items } = await api.list("jobs", home, { labelSelector: "app.kubernetes.io/name=requeen" });
    found.push(`${items.length} Jobs in ${home}`);
  }
  if (config.rollout.strategy === "restart") {
    const place = config.rollout.namespace ?? home;
    const { items } = await api.list("deployments", place, {});
    const wanted = config.specialists.map(({ name }) => config.rollout.deployment.replaceAll("{type}", name));
    const missing = wanted.filter((name) => !items.some(({ metadata }) => metadata.name === name));
    found.push(missing.length === 0 ? `all deployments in ${place}` : `no deployment ${missing.join(", ")} in ${place}`);
  }
  return [`${api.address} answers`, ...found].join("; ");
}

async function tryRegistry(house: House, { config }: CommandContext): Promise<string> {
  const models = await house.registry.searchRegisteredModels({ maxResults: 100 });
  const where = config.mlflowTrackingUri === undefined ? "embedded" : redactUri(config.mlflowTrackingUri);
  const many = models.nextPageToken === null ? String(models.items.length) : `more than ${models.items.length}`;
  return `${where} answers; ${many} registered models`;
}
