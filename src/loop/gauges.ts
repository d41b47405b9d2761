import type { Tier } from "../core/evidence.ts";
import type { RunState } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { readBudget } from "./budget.ts";
import { championVersion } from "./champion.ts";
import { readDrift } from "./drift.ts";
import type { House } from "./house.ts";
import { readPause } from "./pause.ts";
import { viewTrigger } from "./trigger.ts";

/** What a monitor watches of one specialist. Times are ms; null = never, or unknown. */
export interface SpecialistGauges {
  readonly specialist: string;
  readonly state: "READY" | "WAIT" | "RUNNING" | "BLOCKED";
  readonly labelsByTier: Readonly<Record<Tier, number>>;
  readonly humanLabels: number;
  readonly newLabels: number;
  readonly threshold: number;
  readonly lastFeedbackAt: number | null;
  /** Opinions that wait for a person. */
  readonly waiting: number;
  readonly champion: {
    readonly version: string;
    readonly registeredAt: number;
    readonly judged: number;
    readonly meanConfidence: number | null;
    /** Share of its labelled opinions that people agree with; null before the first label. */
    readonly agreement: number | null;
  } | null;
  /** The run that is under way: since when. */
  readonly runningSince: number | null;
  readonly lastRun: { readonly state: RunState; readonly endedAt: number | null; readonly durationMs: number | null } | null;
  readonly lastVerdict: { readonly decision: VerdictRecord["decision"]; readonly at: number } | null;
  /** Share of the error budget that is left, 0..1; null without one. */
  readonly budgetLeft: number | null;
  readonly drift: { readonly checkedAt: number; readonly driftedFeatures: number; readonly largestPsi: number | null } | null;
}

export interface Gauges {
  readonly storeUp: boolean;
  readonly registryUp: boolean;
  readonly paused: boolean;
  /** Documents that could not be read and that nobody has looked at. */
  readonly quarantined: number;
  readonly specialists: readonly SpecialistGauges[];
  /** Specialists whose figures could not be read this time. */
  readonly unread: readonly string[];
}

const QUARANTINE_COUNTED = 1_000;

/** Reads everything that is watched; what is away is told as away and hides nothing else. A dozen queries a specialist. */
export async function readGauges(house: House): Promise<Gauges> {
  const [storeUp, registryUp] = await Promise.all([
    answers(() => house.store.ping()),
    answers(() => house.registry.searchRegisteredModels({ maxResults: 1 })),
  ]);
  const read = storeUp && registryUp ? await Promise.allSettled(house.specialists.map((one) => readSpecialist(house, one))) : [];
  const names = house.specialists.map(({ name }) => name);
  return {
    storeUp,
    registryUp,
    paused: storeUp && (await readPause(house)) !== null,
    quarantined: storeUp
      ? (await house.store.listQuarantine({ state: "waiting" }, { limit: QUARANTINE_COUNTED })).items.length
      : 0,
    specialists: read.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
    unread: read.length === 0 ? names : names.filter((_, index) => read[index]?.status === "rejected"),
  };
}

async function answers(work: () => Promise<unknown>): Promise<boolean> {
  return work().then(
    () => true,
    () => false,
  );
}

async function readSpecialist(house: House, specialist: Specialist): Promise<SpecialistGauges> {
  const { name } = specialist;
  const policy = house.policyOf(specialist);
  const [view, champion, verdicts, waiting, budget, drift] = await Promise.all([
    viewTrigger(house, specialist),
    championVersion(house, specialist),
    house.store.listVerdicts({ specialist: name }, { limit: 1 }),
    house.store.countWaiting(name),
    readBudget(house, policy, name),
    readDrift(house, name),
  ]);
  const fared = champion === null ? null : await house.store.countAgreement(name, champion.version);
  const { counts, decision, activeRun, lastRun, newLabels } = view;
  const verdict = verdicts.items[0];
  return {
    specialist: name,
    state: decision.state,
    labelsByTier: counts.by_tier,
    humanLabels: counts.human,
    newLabels,
    threshold: policy.trigger.threshold,
    lastFeedbackAt: counts.last_submitted_at,
    waiting,
    champion:
      champion === null || fared === null
        ? null
        : {
            version: champion.version,
            registeredAt: champion.createdAtMs,
            judged: fared.judged,
            meanConfidence: fared.mean_confidence,
            agreement: fared.labelled === 0 ? null : fared.agreed / fared.labelled,
          },
    runningSince: activeRun?.started_at ?? null,
    lastRun:
      lastRun === null
        ? null
        : {
            state: lastRun.state,
            endedAt: lastRun.ended_at,
            durationMs: lastRun.ended_at === null ? null : lastRun.ended_at - lastRun.started_at,
          },
    lastVerdict: verdict === undefined ? null : { decision: verdict.decision, at: verdict.created_at },
    budgetLeft: budget === null || budget.left === null ? null : budget.left,
    drift:
      drift === null
        ? null
        : {
            checkedAt: drift.checked_at,
            driftedFeatures: drift.features.filter(({ drifted }) => drifted).length,
            largestPsi: drift.features.reduce<number | null>((most, { psi }) => Math.max(most ?? 0, psi), null),
          },
  };
}
