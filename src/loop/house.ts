import { RequeenError } from "../core/errors.ts";
import type { Policy } from "../core/policy.ts";
import type { Specialist } from "../core/specialist.ts";
import { experimentNameOf, modelNameOf } from "../registry/names.ts";
import type { Registry } from "../registry/registry.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";
import type { Pool } from "../workers/pool.ts";
import type { Executor } from "./executor.ts";
import type { Redact } from "./redact/redactor.ts";
import type { Rollout } from "./rollout-strategy.ts";

/** What every use case is given: the places where things are kept, the specialists, time and names. Composed once, by the command line. */
export interface House {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly registry: Registry;
  /** Started when first asked for. */
  readonly pool: () => Pool;
  /** Where runs train; by default on the threads of the pool. */
  readonly executor?: Executor;
  /** How promotions reach the pods that judge; by default they follow the alias. */
  readonly rollout?: Rollout;
  readonly specialists: readonly Specialist[];
  /** The policy of a specialist, presets resolved and overrides applied. */
  readonly policyOf: (specialist: Specialist) => Policy;
  readonly originOf: (specialist: Specialist) => Origin;
  /** How the review queue works; configuration `review`. */
  readonly review: ReviewSettings;
  /** Takes personal data out of a text before it is stored; see redact.ts. */
  readonly redact: Redact;
  readonly now: () => number;
  /** The machine's clock, also where `now` is simulated: leases of several processes are compared by it. */
  readonly leaseNow: () => number;
  /** A new id that nobody else has: `run-` and 32 hex digits, for example. */
  readonly newId: (prefix: string) => string;
  /** An even number in [0, 1) that nobody can foresee. */
  readonly random: () => number;
  /** Names this process in leases. */
  readonly owner: string;
  /** Who acts, for the audit log: a token's subject or the user of the command line. */
  readonly actor: string;
  readonly log: (event: string, details: Readonly<Record<string, unknown>>) => void;
  /** Champions read in this process, by version; see champion.ts. */
  readonly championCache: Map<string, unknown>;
}

export interface ReviewSettings {
  /** Share of the picks that are left to plain chance, 0.1..1; the rest prefers what teaches most. */
  readonly randomShare: number;
  /** How long a claimed opinion is held, ms. */
  readonly leaseMs: number;
  /** How long a submitted judgement can be taken back through its claim, ms. */
  readonly undoMs: number;
  /** How long a reviewer does not get again what he skipped, ms. */
  readonly skipCooldownMs: number;
}

/** Where a specialist and its policy are written down: a file or what else set them, `built in`, or `data folder` for those of an example. */
export interface Origin {
  readonly specialist: string;
  readonly policy: string;
}

/** Setting of the store: specialists that an example brought into this data folder; those of the configuration win. */
export const EXTRA_SPECIALISTS = "specialists";

/** @throws RequeenError specialist_not_found */
export function specialistOf(house: Pick<House, "specialists">, name: string): Specialist {
  const found = house.specialists.find((specialist) => specialist.name === name);
  if (found !== undefined) return found;
  const names = house.specialists.map((specialist) => specialist.name);
  throw new RequeenError("specialist_not_found", `there is no specialist ${JSON.stringify(name)}; known: ${names.join(", ")}`, {
    name,
    names,
    allowed: names,
  });
}

/** The names of a specialist in the registry. */
export const registryNames = (specialist: Specialist): { model: string; experiment: string } => ({
  model: specialist.mlflow.model ?? modelNameOf(specialist.name),
  experiment: specialist.mlflow.experiment ?? experimentNameOf(specialist.name),
});
