import type { Specialist } from "../core/specialist.ts";
import { toIso } from "../core/time.ts";
// not from the index: it loads the engine, which this need not wait for
import { wilsonInterval } from "../decide/wilson-interval.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import { championVersion } from "./champion.ts";
import { type DataSource, dataSourceOf } from "./data-source.ts";
import { readIntakeFindings } from "./forensics.ts";
import type { House } from "./house.ts";
import { pauseSchema, readPause } from "./pause.ts";
import { describeActiveRun, viewTrigger } from "./trigger.ts";

/** One line of `requeen status`; also the shape of `--json` and of GET /api/v1/status. */
export interface SpecialistStatus {
  readonly specialist: string;
  /** Distinct opinions with a label of a person. */
  readonly human_labels: number;
  /** Distinct opinions with labels of programs only. */
  readonly machine_labels: number;
  /** Human labels that may judge and that no verdict has considered yet. */
  readonly new_labels: number;
  readonly threshold: number;
  readonly state: "READY" | "WAIT" | "RUNNING" | "BLOCKED";
  /** Why, in words. */
  readonly why: string;
  /** What forensics found in the labels: as they came in, and when the last snapshot was taken; what took labels down first, at most 5. */
  readonly findings: readonly StatusFinding[];
  /** `data_source` synthetic: trained on no label of a person. Only the promotion of a version that people's labels judged ends it. */
  readonly champion: { readonly version: string; readonly data_source: DataSource } | null;
  /** Mean confidence of the champion's opinions, 0..1; before its first, that of its gate; null without either. */
  readonly confidence: number | null;
  /** Share of the champion's labelled opinions that people agree with, and its 95 % interval; before any, that of its gate; null without either. */
  readonly accuracy: Accuracy | null;
  readonly last_verdict: {
    readonly decision: string;
    readonly verdict_id: string;
    readonly run_id: string;
    readonly headline: string;
    readonly at: string;
  } | null;
}

export interface StatusFinding {
  readonly code: string;
  readonly effect: string;
  readonly sentence: string;
  readonly at: string;
}

export interface Accuracy {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly labels: number;
  /** `opinions`: measured on what the champion said in production; `gate`: on the rows of the verdict that promoted it. */
  readonly source: "opinions" | "gate";
}

export interface Status {
  /** Who stopped every change of production, since when and why; null: nothing is paused. */
  readonly paused: { readonly reason: string; readonly by: string; readonly since: string } | null;
  readonly specialists: readonly SpecialistStatus[];
  readonly totals: {
    readonly human_labels: number;
    readonly machine_labels: number;
    readonly new_labels: number;
    readonly ready: number;
    readonly champions: number;
  };
}

/** What stands where, for every specialist. A handful of queries a specialist, whatever the number of labels. */
export async function readStatus(house: House): Promise<Status> {
  const [pause, specialists] = await Promise.all([
    readPause(house),
    Promise.all(house.specialists.map((specialist) => statusOf(house, specialist))),
  ]);
  const sum = (value: (status: SpecialistStatus) => number) => specialists.reduce((total, status) => total + value(status), 0);
  return {
    paused: pause === null ? null : pauseSchema.encode(pause),
    specialists,
    totals: {
      human_labels: sum((status) => status.human_labels),
      machine_labels: sum((status) => status.machine_labels),
      new_labels: sum((status) => status.new_labels),
      ready: sum((status) => Number(status.state === "READY")),
      champions: sum((status) => Number(status.champion !== null)),
    },
  };
}

async function statusOf(house: House, specialist: Specialist): Promise<SpecialistStatus> {
  const [view, champion, verdicts, findings] = await Promise.all([
    viewTrigger(house, specialist),
    championVersion(house, specialist),
    house.store.listVerdicts({ specialist: specialist.name }, { limit: 1 }),
    newestFindings(house, specialist.name),
  ]);
  const measured = champion === null ? null : await measureChampion(house, specialist, champion);
  const last = verdicts.items[0];
  const { decision, counts, activeRun } = view;
  return {
    specialist: specialist.name,
    human_labels: counts.human,
    machine_labels: counts.machine,
    new_labels: view.newLabels,
    threshold: house.policyOf(specialist).trigger.threshold,
    state: decision.state,
    why:
      activeRun === null
        ? decision.reasons.map((reason) => reason.sentence).join(" ")
        : await describeActiveRun(house, activeRun),
    findings,
    champion: champion === null ? null : { version: champion.version, data_source: dataSourceOf(champion.tags) },
    confidence: measured?.confidence ?? null,
    accuracy: measured?.accuracy ?? null,
    last_verdict:
      last === undefined
        ? null
        : {
            decision: last.decision,
            verdict_id: last.verdict_id,
            run_id: last.run_id,
            headline: last.verdict.headline,
            at: new Date(last.created_at).toISOString(),
          },
  };
}

const MOST_FINDINGS = 5;

/** Of the last snapshot and of what came in since; a finding that both saw stands once. */
async function newestFindings(house: House, specialist: string): Promise<StatusFinding[]> {
  const [intake, { items }] = await Promise.all([
    readIntakeFindings(house, specialist),
    house.store.listDatasets({ specialist }, { limit: 1 }),
  ]);
  const snapshot = items[0];
  const at = snapshot === undefined ? "" : toIso(snapshot.created_at);
  const all: StatusFinding[] = [
    ...(intake?.acted ?? []),
    ...(intake?.suspected ?? []).map((finding) => ({ ...finding, at: intake?.examined_at ?? "" })),
    ...(snapshot?.findings ?? []).map(({ code, effect, sentence }) => ({
      code: String(code),
      effect: String(effect),
      sentence: String(sentence),
      at,
    })),
  ];
  const once = new Map(all.map((finding) => [finding.sentence, finding]));
  return [...once.values()]
    .sort((a, b) => Number(a.effect === "warn") - Number(b.effect === "warn"))
    .slice(0, MOST_FINDINGS)
    .map(({ code, effect, sentence, at: time }) => ({ code, effect, sentence, at: time }));
}

/** What is known of the champion: how it does in production, else what its verdict measured. */
async function measureChampion(
  house: House,
  specialist: Specialist,
  champion: ModelVersion,
): Promise<Pick<SpecialistStatus, "confidence" | "accuracy">> {
  const { judged, mean_confidence, labelled, agreed } = await house.store.countAgreement(specialist.name, champion.version);
  const verdictId = champion.tags[VERSION_TAGS.verdict];
  const record = labelled > 0 || verdictId === undefined ? null : await house.store.getVerdict(verdictId);
  const gate = record?.verdict.models.challenger ?? null;
  const rows = record?.verdict.rows.count ?? 0;
  return {
    confidence: judged > 0 ? mean_confidence : (gate?.mean_confidence ?? null),
    accuracy:
      labelled > 0
        ? shareOf(agreed, labelled, "opinions")
        : gate?.accuracy == null
          ? null
          : shareOf(gate.accuracy * rows, rows, "gate"),
  };
}

const shareOf = (right: number, labels: number, source: Accuracy["source"]): Accuracy => ({
  value: right / labels,
  ...wilsonInterval(right, labels),
  labels,
  source,
});
