import { createHash } from "node:crypto";
import { canonicalJson } from "../core/canonical-json.ts";
import { RequeenError } from "../core/errors.ts";
import type { Policy } from "../core/policy.ts";
import { type Run, stepResult } from "../core/run.ts";
import type { Verdict } from "../core/verdict.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { gate } from "../decide/index.ts";
import { readBudget } from "./budget.ts";
import { haveRunFile, RUN_FILES } from "./fetch-file.ts";
import { trainsOn } from "./first-from-synthetic.ts";
import type { House } from "./house.ts";
import { readPredictions } from "./predictions-file.ts";
import type { StepContext, StepOutcome } from "./run-steps.ts";

/** Computes the verdict from the stored predictions and writes it down. */
export async function decideStep(house: House, { run, specialist, policy }: StepContext): Promise<StepOutcome> {
  const trained = stepResult(run, "train") as unknown as TrainResult | null;
  const gateUses = stepResult(run, "collect")?.gate_uses;
  if (trained === null || run.dataset_id === null || typeof gateUses !== "number")
    throw new Error(`run ${run.run_id} decides before it trained`);
  const inputs: VerdictRecord["inputs"] = {
    dataset_id: run.dataset_id,
    predictions_sha256: trained.predictions_sha256,
    champion: trained.champion === null ? null : { version: trained.champion.version, sha256: trained.champion.sha256 },
    challenger_sha256: trained.model_sha256,
    gate_uses: gateUses,
    cost: trained.cost,
    budget: trainsOn(run) === "synthetic" ? null : await grantedBudget(house, run, policy),
  };
  const verdict = await computeVerdict(house, inputs, specialist.classes, policy, run.options.seed);
  const record: VerdictRecord = {
    verdict_id: verdictId(verdict, inputs),
    specialist: specialist.name,
    run_id: run.run_id,
    decision: verdict.decision,
    inputs,
    verdict,
    created_at: house.now(),
  };
  await house.store.addVerdict(record);
  return {
    result: { verdict_id: record.verdict_id, decision: record.decision, headline: verdict.headline },
    changes: { verdict_id: record.verdict_id },
  };
}

interface TrainResult {
  readonly model_sha256: string;
  readonly predictions_sha256: string;
  readonly champion: { readonly version: string; readonly sha256: string } | null;
  readonly cost: VerdictRecord["inputs"]["cost"];
}

async function grantedBudget(house: House, run: Run, policy: Policy): Promise<VerdictRecord["inputs"]["budget"]> {
  const state = await readBudget(house, policy, run.specialist, run.run_id);
  return state === null ? null : { method: state.method, level: state.level };
}

/** The gate over a stored predictions file: a pure function of its arguments and the file. @throws RequeenError digest_mismatch, bad_data */
export async function computeVerdict(
  house: Pick<House, "blobs">,
  inputs: VerdictRecord["inputs"],
  classes: readonly string[],
  policy: Policy,
  seed: number,
): Promise<Verdict> {
  const predictions = await readPredictions(house.blobs, inputs.predictions_sha256, classes);
  return gate({
    ...predictions,
    classes,
    policy,
    seed,
    gateUses: inputs.gate_uses,
    cost: inputs.cost,
    ...(inputs.budget === null ? {} : { budget: inputs.budget }),
  });
}

/** The address of a verdict: its content and its inputs. */
export const verdictId = (verdict: Verdict, inputs: VerdictRecord["inputs"]): string =>
  createHash("sha256").update(canonicalJson({ inputs, verdict })).digest("hex");

export interface Recomputed {
  readonly verdict_id: string;
  readonly recomputed_id: string;
  /** Byte for byte the same. */
  readonly same: boolean;
  readonly decision: Verdict["decision"];
  readonly recomputed_decision: Verdict["decision"];
  readonly verdict: Verdict;
}

/**
 * Computes a stored verdict again from its files; with another policy it answers "what if".
 * @throws RequeenError verdict_not_found, digest_mismatch, not_found (a file is gone)
 */
export async function recompute(house: House, id: string, policy?: Policy): Promise<Recomputed> {
  const record = await findVerdict(house, id);
  const run = await house.store.getRun(record.run_id);
  // another machine may have judged
  await haveRunFile(house, record.inputs.predictions_sha256, run?.mlflow?.run_id ?? null, RUN_FILES.predictions);
  const verdict = await computeVerdict(
    house,
    record.inputs,
    record.verdict.classes,
    policy ?? record.verdict.policy,
    record.verdict.seed,
  );
  const recomputedId = verdictId(verdict, record.inputs);
  return {
    verdict_id: record.verdict_id,
    recomputed_id: recomputedId,
    same: recomputedId === record.verdict_id && canonicalJson(verdict) === canonicalJson(record.verdict),
    decision: record.decision,
    recomputed_decision: verdict.decision,
    verdict,
  };
}

/** A verdict by its id, the first 8 or more digits of it, or the id of its run. @throws RequeenError verdict_not_found */
export async function findVerdict(house: Pick<House, "store">, id: string): Promise<VerdictRecord> {
  const run = await house.store.getRun(id);
  const whole = await house.store.getVerdict(run?.verdict_id ?? id);
  if (whole !== null) return whole;
  if (/^[0-9a-f]{8,63}$/.test(id)) {
    for (let cursor: string | undefined; ; ) {
      const { items, next } = await house.store.listVerdicts({}, { limit: 1000, cursor });
      const found = items.find((record) => record.verdict_id.startsWith(id));
      if (found !== undefined) return found;
      if (next === null) break;
      cursor = next;
    }
  }
  const why = run === null ? "" : `: run ${id} has none (${run.state}${run.error === null ? "" : `, ${run.error.message}`})`;
  throw new RequeenError("verdict_not_found", `there is no verdict ${JSON.stringify(id)}${why}`, { id });
}
