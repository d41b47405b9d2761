import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { policyOf } from "../config/policy-of.ts";
import type { Config, LoadedConfig } from "../config/read-config.ts";
import { RequeenError } from "../core/errors.ts";
import { type Specialist, specialistSchema } from "../core/specialist.ts";
import { EXTRA_SPECIALISTS, type House, type Origin } from "../loop/house.ts";
import { leaseOwner } from "../loop/lease.ts";
import { createRedactor } from "../loop/redact/redactor.ts";
import type { MlflowService } from "../mlflow/index.ts";
import { createRegistryClient } from "../registry/client.ts";
import type { Registry } from "../registry/registry.ts";
import { openFileBlobs } from "../store/file-blobs.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import type { Store } from "../store/store.ts";
import { createPool, type Pool } from "../workers/pool.ts";
import { type ClusterHouse, usesCluster } from "./uses-cluster.ts";

export interface HouseOptions {
  readonly config: Config;
  /** Where each key of the configuration came from; a key that is not there has its default. */
  readonly sources?: LoadedConfig["sources"];
  readonly now: () => number;
  /** Aborts calls to the registry. */
  readonly signal?: AbortSignal;
  readonly log?: House["log"];
}

export interface OpenedHouse {
  readonly house: House;
  /** The embedded MLflow server, or null when the registry is a server elsewhere. */
  readonly embeddedMlflow: MlflowService | null;
  close(): Promise<void>;
}

/**
 * Opens everything that the use cases need: store and blobs in the data folder, the registry embedded or at MLFLOW_TRACKING_URI.
 * Threads start when the first training asks for them.
 * @throws RequeenError bad_config, store_unavailable, store_read_only, store_corrupt, store_too_new
 */
export async function openHouse({ config, sources = new Map(), now, signal, log }: HouseOptions): Promise<OpenedHouse> {
  await makeFolder(config.dataDir);
  const store = await openStore(config, now);
  const [blobs, registry] = await Promise.all([openFileBlobs(join(config.dataDir, "blobs")), openRegistry(config, now, signal)]);
  let pool: Pool | null = null;
  const house: House = {
    store,
    blobs,
    registry: registry.client,
    pool: () => (pool ??= createPool(config.trainThreads)),
    specialists: await allSpecialists(config, store),
    policyOf: (specialist) => policyOf(config, specialist),
    originOf: (specialist) => originOf(config, sources, specialist),
    review: reviewSettings(config),
    redact: createRedactor(config.pii.strategy, config.pii.hashKey?.reveal() ?? null),
    now,
    leaseNow: Date.now,
    newId: (prefix) => prefix + randomBytes(16).toString("hex"),
    random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    owner: leaseOwner(randomBytes(6).toString("hex")),
    actor: currentUser(),
    log: log ?? (() => undefined),
    championCache: new Map(),
    ...(await clusterParts(config, { registry: registry.client, blobs, now, leaseNow: Date.now })),
  };
  return {
    house,
    embeddedMlflow: registry.embedded,
    async close() {
      await pool?.[Symbol.asyncDispose]();
      registry.close();
      await store.close();
    },
  };
}

const reviewSettings = ({ review }: Config): House["review"] => ({
  randomShare: review.randomShare,
  leaseMs: review.leaseMinutes * 60_000,
  undoMs: review.undoSeconds * 1_000,
  skipCooldownMs: review.skipCooldownDays * 86_400_000,
});

/** The person or account that types, for the audit log. */
export const currentUser = (): string => process.env.REQUEEN_ACTOR ?? userInfo().username;

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new RequeenError(
      "store_read_only",
      `the data folder ${folder} cannot be made: ${(cause as Error).message}`,
      { folder },
      { cause },
    );
  }
}

/** The store that the configuration names. @throws RequeenError as openHouse */
export async function openStore({ dataDir, mongodbUri, mongodbDatabase, mongodb }: Config, now: () => number): Promise<Store> {
  if (mongodbUri === undefined) return openSqliteStore(join(dataDir, "requeen.db"), { now });
  const { openMongoStore } = await import("../store/mongo/open.ts");
  return openMongoStore(mongodbUri, { now, ...mongodb, ...(mongodbDatabase === undefined ? {} : { database: mongodbDatabase }) });
}

/** Executor and rollout, where they are not the plain ones: only then anything of cluster/ is loaded. */
async function clusterParts(config: Config, parts: ClusterHouse): Promise<Pick<House, "executor" | "rollout">> {
  if (!usesCluster(config)) return {};
  return (await import("./cluster-parts.ts")).openClusterParts(config, parts);
}

interface OpenRegistry {
  readonly client: Registry;
  readonly embedded: OpenedHouse["embeddedMlflow"];
  close(): void;
}

async function openRegistry(config: Config, now: () => number, signal: AbortSignal | undefined): Promise<OpenRegistry> {
  if (config.mlflowTrackingUri === undefined) {
    const { openMlflow } = await import("../mlflow/index.ts");
    const service = await openMlflow({ dataDir: config.dataDir, now });
    return {
      client: createRegistryClient({ transport: service.transport, now }),
      embedded: service,
      close: () => service.close(),
    };
  }
  return { client: await connectMlflow(config, config.mlflowTrackingUri, now, signal), embedded: null, close: () => undefined };
}

/** The MLflow server at `baseUrl`, with the credentials of the configuration. */
export async function connectMlflow(config: Config, baseUrl: string, now: () => number, signal?: AbortSignal): Promise<Registry> {
  const { connectRegistry } = await import("../registry/connect.ts");
  return connectRegistry({
    baseUrl,
    username: config.mlflowTrackingUsername?.reveal(),
    password: config.mlflowTrackingPassword?.reveal(),
    token: config.mlflowTrackingToken?.reveal(),
    environment: process.env,
    now,
    signal,
  });
}

/** Where a specialist and its policy are written down. */
function originOf({ specialists, policies }: Config, sources: LoadedConfig["sources"], { name, policy }: Specialist): Origin {
  const configured = specialists.some((one) => one.name === name);
  const specialist = configured ? (sources.get("specialists") ?? BUILT_IN) : "data folder";
  if (typeof policy !== "string") return { specialist, policy: specialist };
  return { specialist, policy: policies[policy] === undefined ? BUILT_IN : (sources.get("policies") ?? BUILT_IN) };
}
const BUILT_IN = "built in";

async function allSpecialists(config: Config, store: Store): Promise<Specialist[]> {
  const stored = await store.getSetting(EXTRA_SPECIALISTS);
  const extra = specialistSchema.array().parse(stored ?? []);
  const names = new Set(config.specialists.map(({ name }) => name));
  return [...config.specialists, ...extra.filter(({ name }) => !names.has(name))];
}
