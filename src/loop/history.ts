import type { Deployment } from "../core/deployment.ts";
import type { Opinion } from "../core/opinion.ts";
import { type DataSource, dataSourceOfRows } from "./data-source.ts";
import type { House } from "./house.ts";
import { specialistOf } from "./house.ts";

/** A stretch of time in which one version was in production. */
export interface Reign {
  readonly specialist: string;
  /** Null: none was. */
  readonly version: string | null;
  readonly from_at: number;
  /** Null: it still is. */
  readonly until_at: number | null;
  readonly action: Deployment["action"];
  readonly by: string;
  readonly reason: string;
  readonly run_id: string | null;
  readonly verdict_id: string | null;
  readonly dataset_id: string | null;
  readonly tombstone: string | null;
  /** Whose labels the version was trained on; null = none was in production, or its dataset is not here. */
  readonly data_source: DataSource | null;
}

/** What was in production when, newest first. @throws RequeenError specialist_not_found */
export async function readHistory(
  house: House,
  filter: { readonly specialist?: string | undefined; readonly atMs?: number | undefined },
): Promise<Reign[]> {
  const names =
    filter.specialist === undefined ? house.specialists.map(({ name }) => name) : [specialistOf(house, filter.specialist).name];
  const reigns = (await Promise.all(names.map((name) => reignsOf(house, name)))).flat();
  const { atMs } = filter;
  const wanted =
    atMs === undefined
      ? reigns
      : reigns.filter((reign) => reign.from_at <= atMs && (reign.until_at ?? Number.POSITIVE_INFINITY) > atMs);
  return wanted.sort((a, b) => b.from_at - a.from_at);
}

async function reignsOf(house: House, specialist: string): Promise<Reign[]> {
  const done: Deployment[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await house.store.listDeployments({ specialist, state: "done" }, { limit: 1000, cursor });
    done.push(...items);
    if (next === null) break;
    cursor = next;
  }
  // listed newest first: reversed before the stable sort, so that two of one millisecond stand in the order in which they were made
  const inOrder = done.reverse().sort((a, b) => timeOf(a) - timeOf(b));
  const sources = await sourcesOf(house, inOrder);
  return inOrder.map((deployment, index): Reign => {
    const next = inOrder[index + 1];
    return {
      specialist,
      version: deployment.version,
      from_at: timeOf(deployment),
      until_at: next === undefined ? null : timeOf(next),
      action: deployment.action,
      by: deployment.by,
      reason: deployment.reason,
      run_id: deployment.run_id,
      verdict_id: deployment.verdict_id,
      dataset_id: deployment.dataset_id,
      tombstone: deployment.tombstone,
      data_source: (deployment.version === null ? null : sources.get(deployment.version)) ?? null,
    };
  });
}

/** By version, from the dataset of its promotion: a rollback's record names the dataset of what was taken back. */
async function sourcesOf(house: House, deployments: readonly Deployment[]): Promise<Map<string, DataSource>> {
  const sources = new Map<string, DataSource>();
  for (const { action, version, dataset_id } of deployments) {
    if (action !== "promote" || version === null || dataset_id === null || sources.has(version)) continue;
    const dataset = await house.store.getDataset(dataset_id);
    if (dataset !== null) sources.set(version, dataSourceOfRows(dataset));
  }
  return sources;
}

const timeOf = (deployment: Deployment): number => deployment.done_at ?? deployment.prepared_at;

/** Which version judged a plan, from which dataset, by which verdict, put there by whom. */
export interface PlanTrace {
  readonly opinion_id: string;
  readonly plan_id: string;
  readonly specialist: string;
  readonly evaluated_at: number;
  readonly recommendation: string;
  readonly confidence: number | null;
  readonly model: Opinion["model"];
  /** How that version came into production; null when it did not, or none judged. */
  readonly reign: Reign | null;
}

/** Every opinion on a plan with the lineage of the model behind it. */
export async function tracePlan(house: House, planId: string): Promise<PlanTrace[]> {
  const { items } = await house.store.listOpinions({ planId }, { limit: 1000 });
  const traces: PlanTrace[] = [];
  for (const opinion of items) {
    const reigns = opinion.model === null ? [] : await readHistory(house, { specialist: opinion.specialist_type });
    const own = reigns.filter((reign) => reign.version === opinion.model?.version && reign.from_at <= opinion.evaluated_at);
    traces.push({
      opinion_id: opinion.opinion_id,
      plan_id: opinion.plan_id,
      specialist: opinion.specialist_type,
      evaluated_at: opinion.evaluated_at,
      recommendation: opinion.opinion.recommendation,
      confidence: opinion.opinion.confidence_score,
      model: opinion.model,
      reign: own[0] ?? null,
    });
  }
  return traces;
}
