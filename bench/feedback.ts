import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killLoop, postFeedback, storedFeedback } from "./feedback-load.ts";
import { quantile } from "./http-load.ts";
import { endServer, makeDataFolder, startServer } from "./serving.ts";
import { againstBudget, type BenchRow, printRows } from "./table.ts";

/**
 * How many judgements a second one `requeen serve` takes over HTTP, each acknowledged when it is on the disk, and whether any that was
 * acknowledged is missing after kill -9. The client is this process, on the same machine: it takes its share of the cores.
 *
 * --seconds 20        how long to post
 * --connections 64    keep-alive connections, one request at a time on each
 * --kills 20          how often to kill the server under load; 0 for none
 */
const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    connections: { type: "string", default: "64" },
    kills: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
  },
});
const connections = Number(flags.connections);
const WARM_UP_MS = 2_000;
const POSTS_PER_SECOND = 2_000;
const P99_MS = 100;
/** More than the machine can post in the time. */
const OPINIONS_PER_SECOND = 10_000;

const rows: BenchRow[] = [];
const folder = await mkdtemp(join(tmpdir(), "requeen-bench-feedback-"));
try {
  const milliseconds = Number(flags.seconds) * 1_000;
  if (milliseconds > 0) rows.push(...(await measureSpeed(join(folder, "speed"), milliseconds)));
  const kills = Number(flags.kills);
  if (kills > 0) rows.push(...(await measureLoss(join(folder, "kills"), kills)));
} finally {
  await rm(folder, { recursive: true, force: true });
}
printRows(rows, flags.json);

async function measureSpeed(dataDir: string, milliseconds: number): Promise<BenchRow[]> {
  await makeDataFolder(dataDir, ((milliseconds + WARM_UP_MS) / 1_000) * OPINIONS_PER_SECOND);
  const server = await startServer(dataDir);
  const warm = await postFeedback(server, { connections, from: 0, milliseconds: WARM_UP_MS });
  const cpuBefore = cpuMsOf(server.process.pid);
  const { acknowledged, lost, latencies, elapsedMs } = await postFeedback(server, {
    connections,
    from: warm.next,
    milliseconds,
  });
  const cpuMs = cpuMsOf(server.process.pid) - cpuBefore;
  const code = await endServer(server, "SIGTERM");
  if (code !== 0 || lost.length > 0) throw new Error(`the server ended with ${code}; ${lost.length} answers are missing`);
  await checkStored(dataDir, new Map([...warm.acknowledged, ...acknowledged]));
  const sorted = latencies.sort();
  const perSecond = acknowledged.size / (elapsedMs / 1_000);
  const work = `POST /api/v1/feedback, ${connections} connections`;
  return [
    {
      work,
      unit: "/s",
      ours: Math.round(perSecond),
      peer: POSTS_PER_SECOND,
      peerName: "budget",
      ratio: Number((perSecond / POSTS_PER_SECOND).toPrecision(3)),
      must: 1,
    },
    {
      work: `${work}: median`,
      unit: "ms",
      ours: Number(quantile(sorted, 0.5).toPrecision(3)),
      peer: null,
      peerName: null,
      ratio: null,
      must: null,
    },
    {
      work: `${work}: processor time of the server, each`,
      unit: "ms",
      ours: Number((cpuMs / acknowledged.size).toPrecision(3)),
      peer: null,
      peerName: null,
      ratio: null,
      must: null,
    },
    againstBudget(`${work}: p99`, "ms", quantile(sorted, 0.99), P99_MS),
    againstBudget(`${work}: slowest`, "ms", sorted.at(-1) ?? 0, P99_MS, null),
  ];
}

async function measureLoss(dataDir: string, kills: number): Promise<BenchRow[]> {
  await makeDataFolder(dataDir, kills * OPINIONS_PER_SECOND);
  const { acknowledged, unanswered } = await killLoop(dataDir, { kills, connections, longestMs: 800, random: Math.random });
  const missing = await checkStored(dataDir, acknowledged);
  const count = (work: string, ours: number): BenchRow => ({
    work,
    unit: "",
    ours,
    peer: null,
    peerName: null,
    ratio: null,
    must: null,
  });
  return [
    count(`kill -9 under load: kills`, kills),
    count(`kill -9 under load: acknowledged judgements`, acknowledged.size),
    count(`kill -9 under load: without answer, sent again`, unanswered),
    count(`kill -9 under load: acknowledged and missing, or there twice`, missing),
  ];
}

/** @returns 0. @throws when an acknowledged judgement is not in the store exactly once. */
async function checkStored(dataDir: string, acknowledged: ReadonlyMap<string, string>): Promise<number> {
  const storedOf = await storedFeedback(dataDir);
  const wrong = [...acknowledged].filter(([opinionId, feedbackId]) => {
    const stored = storedOf.get(opinionId);
    return stored?.length !== 1 || stored[0] !== feedbackId;
  });
  if (wrong.length > 0)
    throw new Error(`${wrong.length} acknowledged judgements are missing or there twice: ${JSON.stringify(wrong.slice(0, 5))}`);
  return wrong.length;
}

/** Processor time that a process has used, ms; NaN where the system does not tell. */
function cpuMsOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10; // user and system, in hundredths of a second
  } catch {
    return Number.NaN;
  }
}
