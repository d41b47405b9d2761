import { RequeenError } from "../core/errors.ts";
import type { Tier } from "../core/evidence.ts";
import type { Policy } from "../core/policy.ts";
import { SeededRandom } from "../engine/seeded-random.ts";

/** What the split knows of a row. */
export interface EvidenceRow {
  /** When the opinion was given, ms since the epoch. */
  readonly timeMs: number;
  /** Rows of one group are never on both sides. */
  readonly group: string | number;
  readonly tier: Tier;
  /** The champion was trained, tuned or calibrated on this row. */
  readonly seenByChampion: boolean;
  /** Class index; only used to spread the classes over the folds. */
  readonly label?: number;
  /** Why forensics put the row aside; absent or null = it did not. */
  readonly quarantine?: string | null;
  /** Verdicts that this row already served in a gate. Default 0. */
  readonly gateUses?: number;
}

export const ROW_REASONS = {
  gate: "a human label that the champion has not seen: it judges",
  train_seen: "the champion has seen it, so it cannot judge",
  train_group_seen: "another row of its group was seen by the champion, so it cannot judge",
  train_shelf_life: "too old to judge under this policy",
  train_worn: "it served as many verdicts as the policy allows, so it only trains now",
  train_older: "its group is not newer than what the champion saw, so it cannot judge",
  train_not_blind: "there are enough blind labels to judge alone",
  train_tier: "its evidence tier may not judge under this policy",
  train_before_holdout: "older than the temporal hold-out",
  out_echo: "the model's own output is no label",
  out_quarantined: "put aside by label forensics",
  out_future: "its time lies in the future: a clock is wrong",
  out_gate_group: "its group judges, so it may not train",
  out_after_holdout: "newer than the temporal hold-out's first row, so training on it would look into the future",
} as const;
export type RowReason = keyof typeof ROW_REASONS;

export interface PlannedRow {
  readonly index: number;
  readonly role: "train" | "gate" | "out";
  /**
   * gate row: the fold that scores it (0 with a hold-out). train row: null, or the fold that must not train on it since a row of its group is
   * scored there. out row: null.
   */
  readonly fold: number | null;
  readonly reason: RowReason;
}

export interface PlannedFold {
  readonly fold: number;
  /** Rows that this fold's challenger trains on. */
  readonly train: number;
  /** Rows that it scores. */
  readonly gate: number;
}

export interface EvidencePlan {
  readonly kind: "cross_fit" | "holdout";
  readonly rows: readonly PlannedRow[];
  readonly folds: readonly PlannedFold[];
  /** Further rows needed before a challenger may train, or be judged; 0 and 0 = go. */
  readonly missing: { readonly training: number; readonly gate: number };
}

export interface EvidenceInput {
  readonly rows: readonly EvidenceRow[];
  readonly policy: Policy;
  readonly nowMs: number;
  readonly seed: number;
  /** Latest time that the champion saw, if known from its dataset; rows marked as seen raise it. Absent = from those rows only. */
  readonly championCutoffMs?: number;
}

/**
 * Says of every row whether it trains, judges or is out, and why. A gate row is a human label of a tier that the policy accepts, whose whole
 * group is newer than everything that the champion saw. While gate rows are few, each is scored by a challenger that trained on all other
 * groups (grouped cross-fitting); from `holdout_from_rows` on, the newest groups judge one challenger trained on older rows.
 * The final model trains on all rows of role `train` and `gate`.
 * @throws bad_data for a time that is no number.
 */
export function planEvidence(input: EvidenceInput): EvidencePlan {
  const { rows, policy, nowMs, seed } = input;
  rows.forEach((row, index) => {
    if (!Number.isFinite(row.timeMs))
      throw new RequeenError("bad_data", `time of row ${index} must be a number; got ${row.timeMs}`, { index });
  });
  const reasons = rows.map((row) => firstReason(row, policy, nowMs));
  const championCutoffMs = Math.max(
    input.championCutoffMs ?? -Infinity,
    rows.reduce((latest, row) => (row.seenByChampion ? Math.max(latest, row.timeMs) : latest), -Infinity),
  );
  const groups = new Map<string | number, { seen: boolean; firstMs: number; lastMs: number }>();
  rows.forEach((row, index) => {
    if (reasons[index]?.startsWith("out_future")) return;
    const group = groups.get(row.group) ?? { seen: false, firstMs: Infinity, lastMs: -Infinity };
    groups.set(row.group, {
      seen: group.seen || row.seenByChampion,
      firstMs: Math.min(group.firstMs, row.timeMs),
      lastMs: Math.max(group.lastMs, row.timeMs),
    });
  });
  rows.forEach((row, index) => {
    if (reasons[index] !== "gate") return;
    const group = groups.get(row.group);
    if (group?.seen === true) reasons[index] = "train_group_seen";
    else if ((group?.firstMs ?? row.timeMs) <= championCutoffMs) reasons[index] = "train_older";
  });
  preferBlind(rows, reasons, policy);
  const gateRows = rows.flatMap((_, index) => (reasons[index] === "gate" ? [index] : []));
  if (gateRows.length >= policy.evidence.holdout_from_rows) {
    const plan = temporalHoldout(rows, reasons, gateRows, policy);
    if (plan !== null) return plan;
  }
  return crossFit(rows, reasons, gateRows, policy, seed);
}

function firstReason(row: EvidenceRow, policy: Policy, nowMs: number): RowReason {
  if (row.tier === "echo") return "out_echo";
  if (row.quarantine !== undefined && row.quarantine !== null) return "out_quarantined";
  if (row.timeMs > nowMs) return "out_future";
  if (!policy.gate_tiers.some((tier) => tier === row.tier)) return "train_tier";
  if (row.seenByChampion) return "train_seen";
  if ((row.gateUses ?? 0) >= policy.evidence.max_gate_uses) return "train_worn";
  return nowMs - row.timeMs > policy.evidence.shelf_life_ms ? "train_shelf_life" : "gate";
}

/** With enough labels of people who had not seen the opinion, the others only train: seeing it first leads (decision-methods.md 2.3). */
function preferBlind(rows: readonly EvidenceRow[], reasons: RowReason[], policy: Policy): void {
  const isBlind = (index: number): boolean => rows[index]?.tier === "blind";
  const blind = reasons.filter((reason, index) => reason === "gate" && isBlind(index)).length;
  if (blind < policy.evidence.blind_alone_from_rows) return;
  reasons.forEach((reason, index) => {
    if (reason === "gate" && !isBlind(index)) reasons[index] = "train_not_blind";
  });
}

function crossFit(
  rows: readonly EvidenceRow[],
  reasons: RowReason[],
  gateRows: readonly number[],
  policy: Policy,
  seed: number,
): EvidencePlan {
  const foldOfGroup = dealFolds(rows, gateRows, policy.evidence.folds, seed);
  const planned = rows.map((row, index): PlannedRow => {
    const reason = reasons[index] ?? "train_tier";
    const role = roleOf(reason);
    return { index, role, fold: role === "out" ? null : (foldOfGroup.get(row.group) ?? null), reason };
  });
  return finish("cross_fit", planned, policy);
}

/**
 * Whole groups to folds: each class is dealt to the fold that has fewest of it, then fewest rows, larger groups first, ties in seeded order.
 * Another seed deals other folds: what repeated cross-fitting averages over.
 * @param gateRows indices of the rows that judge.
 * @param most folds; fewer when there are fewer groups.
 * @returns the fold of each group that has a gate row.
 */
export function dealFolds(
  rows: readonly Pick<EvidenceRow, "group" | "label">[],
  gateRows: readonly number[],
  most: number,
  seed: number,
): Map<string | number, number> {
  const members = new Map<string | number, number[]>();
  for (const index of gateRows) {
    const group = rows[index]?.group ?? "";
    const list = members.get(group);
    if (list === undefined) members.set(group, [index]);
    else list.push(index);
  }
  const names = new SeededRandom(seed).shuffle([...members.keys()]);
  names.sort((a, b) => (members.get(b)?.length ?? 0) - (members.get(a)?.length ?? 0));
  const foldCount = Math.min(most, names.length);
  const folds = Array.from({ length: foldCount }, () => ({ rows: 0, labels: new Map<number, number>() }));
  const foldOf = new Map<string | number, number>();
  for (const name of names) {
    const own = members.get(name) ?? [];
    const label = rows[own[0] ?? 0]?.label ?? 0;
    let best = 0;
    folds.forEach((fold, at) => {
      const chosen = folds[best];
      if (chosen === undefined) return;
      const fewer = (fold.labels.get(label) ?? 0) - (chosen.labels.get(label) ?? 0) || fold.rows - chosen.rows;
      if (fewer < 0) best = at;
    });
    foldOf.set(name, best);
    const chosen = folds[best];
    if (chosen === undefined) continue;
    chosen.rows += own.length;
    for (const index of own) {
      const each = rows[index]?.label ?? 0;
      chosen.labels.set(each, (chosen.labels.get(each) ?? 0) + 1);
    }
  }
  return foldOf;
}

/**
 * The newest rows judge: from the time on after which `holdout_share` of the gate rows lie, by whole groups. Groups on both sides of that time
 * train with their older rows. @returns null when too few rows are left on a side.
 */
function temporalHoldout(
  rows: readonly EvidenceRow[],
  reasons: readonly RowReason[],
  gateRows: readonly number[],
  policy: Policy,
): EvidencePlan | null {
  const times = Float64Array.from(gateRows, (index) => rows[index]?.timeMs ?? 0).sort();
  const startMs = times[Math.floor(times.length * (1 - policy.evidence.holdout_share))] ?? Infinity;
  const firstMs = new Map<string | number, number>();
  rows.forEach((row, index) => {
    if (roleOf(reasons[index] ?? "train_tier") === "out") return;
    firstMs.set(row.group, Math.min(firstMs.get(row.group) ?? Infinity, row.timeMs));
  });
  const chosen = new Set(
    gateRows.flatMap((index) => rows[index]?.group ?? []).filter((group) => (firstMs.get(group) ?? 0) >= startMs),
  );
  const planned = rows.map((row, index): PlannedRow => {
    const reason = reasons[index] ?? "train_tier";
    if (roleOf(reason) === "out") return { index, role: "out", fold: null, reason };
    if (chosen.has(row.group)) {
      return reason === "gate"
        ? { index, role: "gate", fold: 0, reason }
        : { index, role: "out", fold: null, reason: "out_gate_group" };
    }
    if (row.timeMs >= startMs) return { index, role: "out", fold: null, reason: "out_after_holdout" };
    return { index, role: "train", fold: null, reason: reason === "gate" ? "train_before_holdout" : reason };
  });
  const plan = finish("holdout", planned, policy);
  return plan.missing.gate > 0 || plan.missing.training > 0 ? null : plan;
}

const roleOf = (reason: RowReason): PlannedRow["role"] =>
  reason === "gate" ? "gate" : reason.startsWith("out_") ? "out" : "train";

function finish(kind: EvidencePlan["kind"], rows: readonly PlannedRow[], policy: Policy): EvidencePlan {
  const folds = new Map<number, { train: number; gate: number }>();
  let used = 0;
  let gate = 0;
  for (const { role, fold } of rows) {
    if (role === "out") continue;
    used++;
    if (role === "gate") gate++;
    if (fold === null) continue;
    const own = folds.get(fold) ?? { train: 0, gate: 0 };
    if (role === "gate") own.gate++;
    else own.train++;
    folds.set(fold, own);
  }
  const listed = [...folds]
    .sort(([a], [b]) => a - b)
    .map(([fold, own]) => ({ fold, train: kind === "holdout" ? used - gate : used - own.gate - own.train, gate: own.gate }));
  const least = listed.length === 0 ? used : Math.min(...listed.map((fold) => fold.train));
  return {
    kind,
    rows,
    folds: listed,
    missing: {
      training: Math.max(0, policy.evidence.min_training_rows - least),
      gate: Math.max(0, policy.evidence.min_gate_rows - gate),
    },
  };
}

/** Indices of the rows that a fold's challenger trains on; fold null = the final model, which trains on everything allowed. */
export function trainingRows(plan: EvidencePlan, fold: number | null): Uint32Array {
  const wanted = plan.rows.filter((row) => {
    if (row.role === "out") return false;
    if (fold === null) return true;
    return plan.kind === "holdout" ? row.role === "train" : row.fold !== fold;
  });
  return Uint32Array.from(wanted, (row) => row.index);
}

/** Indices of the rows that a fold scores; fold null = all gate rows. */
export function gateRows(plan: EvidencePlan, fold: number | null): Uint32Array {
  const wanted = plan.rows.filter((row) => row.role === "gate" && (fold === null || row.fold === fold));
  return Uint32Array.from(wanted, (row) => row.index);
}
