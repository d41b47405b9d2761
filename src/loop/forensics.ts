import { isHuman, type Tier } from "../core/evidence.ts";
import type { FindingEffect } from "../core/finding-codes.ts";
import { NO_CHAMPION_RECOMMENDATION } from "../core/opinion.ts";
import type { Policy } from "../core/policy.ts";
import type { Specialist } from "../core/specialist.ts";
import { toIso } from "../core/time.ts";
import type { Finding } from "../decide/forensics/finding.ts";
import type { examineLabels } from "../decide/forensics.ts";
import type { StoredFeedback } from "../store/store.ts";
import type { House } from "./house.ts";

/** Tiers that labels fall to when forensics finds that no person decided them. */
export const FALLEN_TIER = { demote: "echo", quarantine: "rule" } as const satisfies Record<string, Tier>;

/** The findings with the effects that the policy gives them. */
export const byPolicy = (findings: readonly Finding[], { forensics }: Policy): Finding[] =>
  findings.map((finding) => ({ ...finding, effect: forensics?.effects?.[finding.code] ?? finding.effect }));

/** A finding without its rows: what is stored and shown. */
export interface FindingSummary {
  readonly code: Finding["code"];
  readonly effect: FindingEffect;
  readonly reviewer: string | null;
  /** How many judgements it names. */
  readonly rows: number;
  readonly statistic: number;
  readonly threshold: number;
  readonly p_value: number | null;
  readonly sentence: string;
}

export const summarizeFinding = ({
  rows,
  code,
  effect,
  reviewer,
  statistic,
  threshold,
  p_value,
  sentence,
}: Finding): FindingSummary => ({
  code,
  effect,
  reviewer,
  rows: rows.length,
  statistic,
  threshold,
  p_value,
  sentence,
});

/** Takes judgements out of the human tiers. @param effects of each; null and `warn` change nothing. @returns the ids that fell */
export async function takeDown(
  house: House,
  feedbackIds: readonly string[],
  effects: readonly (FindingEffect | null)[],
  findings: readonly Finding[],
  subject: string,
): Promise<Set<string>> {
  const fallen = new Set<string>();
  for (const effect of ["demote", "quarantine"] as const) {
    const ids = feedbackIds.filter((_, index) => effects[index] === effect);
    if (ids.length > 0) await house.store.demoteFeedback(ids, FALLEN_TIER[effect]);
    for (const id of ids) fallen.add(id);
  }
  if (fallen.size > 0) {
    const named = findings.filter((finding) => finding.effect !== "warn").map(summarizeFinding);
    await house.store.appendAudit([
      {
        at: house.now(),
        actor: "forensics",
        action: "feedback.demote",
        subject,
        details: { judgements: fallen.size, findings: named },
      },
    ]);
  }
  return fallen;
}

/** The newest judgements that an examination at intake looks at. */
const EXAMINED = 2_000;
/** New judgements after which the watch looks again. */
const LOOK_EVERY = 20;
const MOST_KEPT = 20;
const SEED = 42;
const settingOf = (specialist: string): string => `forensics:${specialist}`;

/** What was found at intake; setting `forensics:<specialist>`. */
export interface IntakeFindings {
  /** The newest judgement that was looked at. */
  readonly last_sequence: number;
  /** ISO 8601. */
  readonly examined_at: string;
  /** Seen at the last look, and only shown. */
  readonly suspected: readonly FindingSummary[];
  /** Took labels down, newest first. */
  readonly acted: readonly (FindingSummary & { readonly at: string })[];
}

export async function readIntakeFindings(house: Pick<House, "store">, specialist: string): Promise<IntakeFindings | null> {
  return (await house.store.getSetting(settingOf(specialist))) as IntakeFindings | null; // written below
}

/**
 * Looks at the newest 2,000 labels of a specialist as they come in, and takes down those that no person decided. That labels are looked at
 * again and again is borne by the limits of the detectors: of 1,000 simulated honest sources, looked at after every 20 labels, none lost one.
 * @param always look also when fewer than 20 judgements are new
 * @returns how many judgements fell; null: nothing was new, or the policy does not want it
 */
export async function examineIntake(house: House, specialist: Specialist, always: boolean): Promise<number | null> {
  const policy = house.policyOf(specialist);
  if (policy.forensics?.at_intake === false) return null;
  const before = await readIntakeFindings(house, specialist.name);
  const { items } = await house.store.listFeedback({ specialist: specialist.name, state: "current" }, { limit: EXAMINED });
  const newest = items[0]?.sequence ?? 0;
  if (newest - (before?.last_sequence ?? 0) < (always ? 1 : LOOK_EVERY)) return null;
  // loaded here: who only reads findings, as `requeen status` does, needs no detectors
  const { examineLabels, worstEffects } = await import("../decide/forensics.ts");
  const human = items.filter(({ evidence }) => isHuman(evidence.tier)).toReversed();
  const found = byPolicy(examineLabels(human.map(asRow), { classes: specialist.classes, seed: SEED }), policy);
  const acting = found.filter(({ effect }) => effect !== "warn");
  const ids = human.map(({ feedback_id }) => feedback_id);
  const fallen = await takeDown(house, ids, worstEffects(acting, human.length), acting, specialist.name);
  const at = toIso(house.now());
  await house.store.putSetting(settingOf(specialist.name), {
    last_sequence: newest,
    examined_at: at,
    suspected: found.filter(({ effect }) => effect === "warn").map(summarizeFinding),
    acted: [...acting.map((finding) => ({ ...summarizeFinding(finding), at })), ...(before?.acted ?? [])].slice(0, MOST_KEPT),
  } satisfies IntakeFindings);
  return fallen.size;
}

function asRow(feedback: StoredFeedback): Parameters<typeof examineLabels>[0][number] {
  const { opinion_id, evidence, human_recommendation, human_rating, submitted_at } = feedback;
  const { opinion_recommendation, opinion_confidence } = feedback;
  const isJudged = opinion_recommendation !== NO_CHAMPION_RECOMMENDATION || opinion_confidence !== null;
  return {
    opinion_id,
    reviewer: evidence.reviewer,
    recommendation: human_recommendation,
    rating: human_rating,
    submitted_at,
    opinion_decision: isJudged ? opinion_recommendation : null,
    opinion_confidence,
    tier: evidence.tier,
  };
}
