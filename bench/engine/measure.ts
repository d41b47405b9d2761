import { logLoss, type Model, predictProbabilities, rocAuc, type TrainingData } from "../../src/engine/index.ts";
import { createHelpers } from "../../src/workers/helpers.ts";
import type { PythonPeer } from "../peers/python.ts";
import { type BenchRow, median } from "../table.ts";
import type { Measure, Work } from "./works.ts";

export const UNIT: Readonly<Record<Measure, string>> = { cpu: "ms CPU, 1 thread", wall: "ms wall, 2 threads" };

/** How ours and the peers' fits of one work are timed. */
export interface Measuring {
  readonly data: TrainingData;
  readonly test: TrainingData;
  /** Starts the Python side with so many threads; null = ours alone. */
  readonly peer: ((threads: number) => Promise<PythonPeer>) | null;
  /** Overrides the work's own repetitions. */
  readonly rounds: number | null;
  readonly note: (text: string) => void;
}

/**
 * One work, ours and each peer in turn, round after round: what else the machine does hits all of them alike. The first fit of ours only
 * compiles. Every model is scored on the same new rows, so that a fast wrong answer shows.
 */
export async function measureWork(work: Work, measure: Measure, measuring: Measuring): Promise<BenchRow[]> {
  const { data, test, note } = measuring;
  // the calling thread and one that helps: fits of fewer rows than that pays for leave it asleep
  await using crew = measure === "wall" ? createHelpers(1) : null;
  const watch = crew === null ? {} : { helpers: crew };
  await using peer = await (measuring.peer?.(measure === "cpu" ? 1 : 2) ?? null);
  const ours: number[] = [];
  const theirs = work.peers.map((): number[] => []);
  let model = work.train(data, watch);
  if (model !== null) note(`  ours: ${describeQuality(model, test)}`);
  const again = work.rows > 50_000 || work.rounds < 5 ? 1 : 3;
  for (let round = 0; round < (measuring.rounds ?? work.rounds); round++) {
    for (let time = 0; time < again; time++) ours.push(timed(measure, () => (model = work.train(data, watch))));
    if (peer === null) continue;
    for (const [i, { work: name, times = 1 }] of work.peers.entries()) {
      const answer = await peer.ask({ work: name, rows: work.rows });
      theirs[i]?.push(Number(measure === "wall" ? answer.wall_ms : answer.cpu_ms) * times);
      if (round === 0 && typeof answer.auc === "number")
        note(`  ${name}: AUC ${answer.auc.toFixed(4)}, log loss ${Number(answer.log_loss).toFixed(4)}`);
    }
  }
  const mine = median(ours);
  if (peer === null) return [rowOf(work.name, UNIT[measure], mine, null, null, null)];
  return work.peers.map(({ label, must }, i) => rowOf(work.name, UNIT[measure], mine, median(theirs[i] ?? []), label, must));
}

function timed(measure: Measure, call: () => unknown): number {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  call();
  const { user, system } = process.cpuUsage(cpu);
  return measure === "wall" ? performance.now() - wall : (user + system) / 1000;
}

function describeQuality(model: Model, test: TrainingData): string {
  const p = predictProbabilities(model, test.columns).map((value) => Math.min(1 - 1e-6, Math.max(1e-6, value)));
  return `AUC ${rocAuc(p, test.labels, 2)?.toFixed(4)}, log loss ${logLoss(p, test.labels, 2).toFixed(4)}`;
}

/** A figure of ours beside a peer's; both: less is better. */
export function rowOf(
  work: string,
  unit: string,
  ours: number,
  peer: number | null,
  peerName: string | null,
  must: number | null,
): BenchRow {
  const round = (value: number): number => Number(value.toPrecision(4));
  const ratio = peer === null ? null : Number((peer / ours).toPrecision(3));
  return { work, unit, ours: round(ours), peer: peer === null ? null : round(peer), peerName, ratio, must };
}
