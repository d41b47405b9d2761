/**
 * The embedded MLflow server by the clock, one client over HTTP.
 * `npm run bench:mlflow -- [--peers] [--json] [--runs 100000] [--gib 1] [--rounds 3] [--writes-only]`.
 * With --peers the same calls go to the real `mlflow server` (one worker, jobs off: its fastest start), on the same machine, on a copy of
 * the same file. Start, idle memory and writes are medians of rounds in which both take turns. Every answer is checked. A search of the peer that lasts longer than a minute is cut off and counted as that minute.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { fillRuns } from "./mlflow-data.ts";
import { mlflowCommand, mlflowUpgrade } from "./peers/mlflow.ts";
import { againstBudget, type BenchRow, median, printRows } from "./table.ts";

const { values } = parseArgs({
  options: {
    peers: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "100000" },
    gib: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    "writes-only": { type: "boolean", default: false },
  },
});
const RUNS = Number(values.runs);
const ARTIFACT_BYTES = Number(values.gib) * 1024 ** 3;
const SEARCH_BUDGET_MS = 300;
const CUT_OFF_MS = 60_000;
const root = join(import.meta.dirname, "..");

interface Server {
  readonly url: URL;
  readonly startMs: number;
  readonly pid: number;
  stop(): Promise<void>;
}

type Start = (dataDir: string, port: number) => { program: string; words: string[] };
const startOurs: Start = (dataDir, port) => ({
  program: join(root, "node_modules/node/bin/node"),
  words: [join(root, "bin/requeen.mjs"), "mlflow", "--no-auth", "--data-dir", dataDir, "--port", String(port)],
});

async function startServer(start: Start, dataDir: string): Promise<Server> {
  const port = await freePort();
  const { program, words } = start(dataDir, port);
  const begun = performance.now();
  const child = spawn(program, words, {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
  });
  const pid = child.pid ?? 0;
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const url = new URL(`http://127.0.0.1:${port}`);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    const answered = await fetch(new URL("/health", url))
      .then((response) => response.ok)
      .catch(() => false);
    if (answered) break;
    if (performance.now() - begun > 180_000) throw new Error(`${program} did not answer within three minutes`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const startMs = performance.now() - begun;
  const stop = async (): Promise<void> => {
    process.kill(-pid, "SIGTERM");
    const force = setTimeout(() => process.kill(-pid, "SIGKILL"), 5_000);
    await ended;
    clearTimeout(force);
  };
  return { url, startMs, pid, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Resident memory of a process and all below it, MB. Linux. */
async function residentMb(pid: number): Promise<number> {
  const parents = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const family = [pid];
  for (let i = 0; i < family.length; i += 1) family.push(...(parents.get(family[i]) ?? []));
  let pages = 0;
  for (const member of family)
    pages += Number((await readFile(`/proc/${member}/statm`, "utf8").catch(() => "0 0")).split(" ")[1]);
  return (pages * 4096) / 1e6;
}

/** The fields that the bench reads of answers. */
interface Answer {
  readonly experiment_id?: string;
  readonly run?: { readonly info: { readonly run_id: string } };
  readonly model_version?: { readonly version: string };
  readonly runs?: readonly object[];
}

class Client {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private readonly url: URL;
  constructor(url: URL) {
    this.url = url;
  }

  /** The parsed answer, or undefined when it took longer than `cutOffMs`. */
  async call(method: string, path: string, body?: object, cutOffMs = 600_000): Promise<Answer | undefined> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.send(method, `/api/2.0/mlflow/${path}`, text, cutOffMs);
    return answer === undefined ? undefined : JSON.parse(answer);
  }

  private send(method: string, path: string, text: string | undefined, cutOffMs: number): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const headers = text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const outgoing = request(new URL(path, this.url), { method, agent: this.agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          clearTimeout(timer);
          const body = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(body);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${body}`));
        });
      });
      const timer = setTimeout(() => {
        resolve(undefined);
        outgoing.destroy();
      }, cutOffMs);
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }
  close(): void {
    this.agent.destroy();
  }
}

/** Times `work` until `seconds` are over, at least 5 times. @returns how often per second. */
async function perSecond(seconds: number, work: (i: number) => Promise<void>): Promise<number> {
  await work(-1);
  const begun = performance.now();
  let count = 0;
  while (count < 5 || performance.now() - begun < seconds * 1000) await work(count++);
  return (count * 1000) / (performance.now() - begun);
}

async function writes(client: Client): Promise<Map<string, number>> {
  const made = await client.call("POST", "experiments/create", { name: `bench ${process.pid} ${performance.now()}` });
  const experiment_id = made?.experiment_id ?? "";
  const newRun = async (): Promise<string> => {
    const answer = await client.call("POST", "runs/create", { experiment_id, start_time: Date.now() });
    return answer?.run?.info.run_id ?? "";
  };
  const figures = new Map<string, number>();
  /** Ten metrics by turns. Times go on from batch to batch, as a training run's do, or are those of the batch before. */
  const metrics = (count: number, step: number, firstTime = step * count) =>
    Array.from({ length: count }, (_, i) => ({
      key: `m${i % 10}`,
      value: i / 7,
      timestamp: firstTime + i,
      step: step * count + i,
    }));
  figures.set(
    "create, log 10 metrics and 5 params, finish a run",
    await perSecond(4, async () => {
      const run_id = await newRun();
      const params = Array.from({ length: 5 }, (_, i) => ({ key: `p${i}`, value: String(i) }));
      await client.call("POST", "runs/log-batch", { run_id, metrics: metrics(10, 0), params });
      await client.call("POST", "runs/update", { run_id, status: "FINISHED", end_time: Date.now() });
    }),
  );
  for (const [work, firstTime] of [
    ["log_batch of 1,000 metrics", undefined],
    ["log_batch of 1,000 metrics, times that repeat", 1],
  ] as const) {
    const run_id = await newRun();
    const batches = await perSecond(4, async (i) => {
      await client.call("POST", "runs/log-batch", { run_id, metrics: metrics(1000, i + 1, firstTime) });
    });
    figures.set(work, batches * 1000);
  }
  const name = `model ${performance.now()}`;
  await client.call("POST", "registered-models/create", { name });
  figures.set(
    "register a version, set its alias, move its stage",
    await perSecond(4, async () => {
      const answer = await client.call("POST", "model-versions/create", { name, source: "s3://bucket/model" });
      const version = answer?.model_version?.version ?? "";
      await client.call("POST", "registered-models/alias", { name, alias: "champion", version });
      await client.call("POST", "model-versions/transition-stage", {
        name,
        version,
        stage: "Production",
        archive_existing_versions: true,
      });
    }),
  );
  return figures;
}

const token = (offset: number): string => Buffer.from(JSON.stringify({ offset })).toString("base64");
const SEARCHES: readonly (readonly [work: string, body: object])[] = [
  ["newest", {}],
  ["metric filter", { filter: "metrics.acc > 0.5" }],
  ["rare metric filter", { filter: "metrics.acc > 0.99999" }],
  ["param, tag and metric filter", { filter: "params.lr = '0.3' and tags.team = 't3' and metrics.loss < 500" }],
  ["by metric", { order_by: ["metrics.acc DESC"] }],
  ["by metric, with 2 filters", { order_by: ["metrics.acc DESC"], filter: "params.lr = '0.3' and tags.team = 't3'" }],
  ["by param", { order_by: ["params.seed ASC"] }],
  ["page at 90 %", { page_token: token(Math.floor(RUNS * 0.9)) }],
];

/** @param start makes a server, and another after a search that was cut off, because the old one goes on computing. */
async function searches(start: () => Promise<Server>): Promise<Map<string, number>> {
  const figures = new Map<string, number>();
  let server = await start();
  let client = new Client(server.url);
  try {
    for (const [work, body] of SEARCHES) {
      const times: number[] = [];
      let cutOff = false;
      for (let round = 0; round < 4 && times.every((ms) => ms < CUT_OFF_MS / 4); round += 1) {
        const begun = performance.now();
        const answer = await client.call("POST", "runs/search", { experiment_ids: ["1"], max_results: 100, ...body }, CUT_OFF_MS);
        times.push(performance.now() - begun);
        cutOff = answer === undefined;
        if (answer !== undefined && !answer.runs?.length) throw new Error(`the search "${work}" found nothing`);
      }
      // The first warms the page cache; it counts only where there is no other.
      figures.set(work, median(times.length > 1 ? times.slice(1) : times));
      if (cutOff) {
        client.close();
        await server.stop();
        server = await start();
        client = new Client(server.url);
      }
    }
  } finally {
    client.close();
    await server.stop();
  }
  return figures;
}

/** Seconds to send and to fetch one artifact, and the server's greatest memory meanwhile. */
async function artifact(server: Server): Promise<{ upS: number; downS: number; peakMb: number }> {
  const at = new URL("/api/2.0/mlflow-artifacts/artifacts/0/bench/artifacts/big.bin", server.url);
  const chunk = Buffer.alloc(1024 * 1024, "x");
  let peakMb = 0;
  const watch = setInterval(async () => {
    peakMb = Math.max(peakMb, await residentMb(server.pid));
  }, 100);
  const begun = performance.now();
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(at, { method: "PUT", headers: { "content-length": ARTIFACT_BYTES } }, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`PUT ${response.statusCode}`))));
    });
    outgoing.on("error", reject);
    let left = ARTIFACT_BYTES;
    const write = (): void => {
      while (left > 0) {
        const part = left >= chunk.length ? chunk : chunk.subarray(0, left);
        left -= part.length;
        if (!outgoing.write(part)) {
          outgoing.once("drain", write);
          return;
        }
      }
      outgoing.end();
    };
    write();
  });
  const upS = (performance.now() - begun) / 1000;
  const fetched = performance.now();
  const sizeBytes = await new Promise<number>((resolve, reject) => {
    request(at, (response) => {
      let size = 0;
      response.on("data", (part: Buffer) => {
        size += part.length;
      });
      response.on("end", () => resolve(size));
    })
      .on("error", reject)
      .end();
  });
  clearInterval(watch);
  if (sizeBytes !== ARTIFACT_BYTES) throw new Error(`${sizeBytes} bytes came back of ${ARTIFACT_BYTES}`);
  return { upS, downS: (performance.now() - fetched) / 1000, peakMb };
}

interface Figures {
  readonly startMs: number;
  readonly idleMb: number;
  readonly writes: Map<string, number>;
  readonly searches: Map<string, number>;
  readonly artifact: { upS: number; downS: number; peakMb: number } | undefined;
}
interface Side {
  readonly start: Start;
  readonly dataDir: string;
}

async function measure(sides: readonly Side[]): Promise<Figures[]> {
  const rounds: Pick<Figures, "startMs" | "idleMb" | "writes">[][] = sides.map(() => []);
  const rest: Pick<Figures, "searches" | "artifact">[] = [];
  for (const { start, dataDir } of sides) {
    if (values["writes-only"]) {
      rest.push({ searches: new Map(), artifact: undefined });
      continue;
    }
    const searched = await searches(() => startServer(start, dataDir));
    rest.push({ searches: searched, artifact: await withServer({ start, dataDir }, artifact) });
  }
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [i, side] of sides.entries()) rounds[i].push(await withServer(side, writeRound));
  }
  return sides.map((_, i) => ({
    ...rest[i],
    startMs: median(rounds[i].map(({ startMs }) => startMs)),
    idleMb: median(rounds[i].map(({ idleMb }) => idleMb)),
    writes: new Map(
      [...rounds[i][0].writes.keys()].map((work) => [work, median(rounds[i].map((one) => one.writes.get(work) ?? 0))]),
    ),
  }));
}

async function withServer<T>({ start, dataDir }: Side, work: (server: Server) => Promise<T>): Promise<T> {
  const server = await startServer(start, dataDir);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

async function writeRound(server: Server): Promise<Pick<Figures, "startMs" | "idleMb" | "writes">> {
  const client = new Client(server.url);
  try {
    await client.call("GET", "experiments/get?experiment_id=0");
    const idleMb = await residentMb(server.pid);
    return { startMs: server.startMs, idleMb, writes: await writes(client) };
  } finally {
    client.close();
  }
}

function table(ours: Figures, peer: Figures | undefined): BenchRow[] {
  const round = (value: number): number => Number(value.toPrecision(4));
  const row = (
    work: string,
    unit: string,
    mine: number,
    other: number | undefined,
    lowerIsBetter: boolean,
    must: number | null,
  ): BenchRow => ({
    work,
    unit,
    ours: round(mine),
    peer: other === undefined ? null : round(other),
    peerName: other === undefined ? null : "mlflow server",
    ratio: other === undefined ? null : Number((lowerIsBetter ? other / mine : mine / other).toPrecision(3)),
    must: other === undefined ? null : must,
  });
  return [
    row("start to first answer", "ms", ours.startMs, peer?.startMs, true, 10),
    row("idle memory", "MB", ours.idleMb, peer?.idleMb, true, 4),
    ...[...ours.writes].map(([work, mine]) =>
      row(work, work.startsWith("log_batch") ? "metrics/s" : "/s", mine, peer?.writes.get(work), false, 5),
    ),
    ...[...ours.searches].flatMap(([work, mine]) => {
      const name = `search ${RUNS.toLocaleString("en")} runs: ${work}`;
      return [
        againstBudget(name, "ms", mine, SEARCH_BUDGET_MS),
        ...(peer === undefined ? [] : [row(name, "ms", mine, peer.searches.get(work), true, 1)]),
      ];
    }),
    ...(ours.artifact === undefined
      ? []
      : [
          row(`artifact of ${values.gib} GiB up`, "s", ours.artifact.upS, peer?.artifact?.upS, true, 1),
          row(`artifact of ${values.gib} GiB down`, "s", ours.artifact.downS, peer?.artifact?.downS, true, 1),
          row("greatest memory meanwhile", "MB", ours.artifact.peakMb, peer?.artifact?.peakMb, true, 1),
        ]),
  ];
}

const work = await mkdtemp(join(tmpdir(), "requeen-bench-"));
try {
  const oursDir = join(work, "ours");
  await fillRuns(oursDir, RUNS);
  const sides: Side[] = [{ start: startOurs, dataDir: oursDir }];
  if (values.peers) {
    const peerDir = join(work, "peer");
    await mkdir(peerDir);
    await cp(join(oursDir, "registry.db"), join(peerDir, "registry.db"));
    dropOurIndexes(join(peerDir, "registry.db"));
    mlflowUpgrade(root, join(peerDir, "registry.db"));
    sides.push({ start: mlflowCommand(root), dataDir: peerDir });
  }
  const [ours, peer] = await measure(sides);
  printRows(table(ours, peer), values.json);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** The peer works on a file as it makes it itself. */
function dropOurIndexes(path: string): void {
  const db = new DatabaseSync(path);
  for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'requeen%'").all())
    db.exec(`DROP INDEX "${name}"`);
  db.close();
}
