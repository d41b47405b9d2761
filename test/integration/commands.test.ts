import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { execute } from "../../src/cli/execute.ts";
import { type OpenedHouse, openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { addFeedback } from "../../src/loop/intake.ts";

/**
 * Every command on a real data folder: SQLite, embedded registry, training threads. A specialist over three columns whose first two decide
 * the class, so that a logistic regression learns it from few labels; the tests stand in the order of a working day.
 */
let folder = "";
let clockMs = Date.UTC(2026, 1, 1);

const CONFIG = `
specialists:
  - name: mail
    classes: [ham, spam]
    features:
      schema: mail/1
      columns:
        - { name: links, kind: numeric, min: 0 }
        - { name: length, kind: numeric }
        - { name: country, kind: categorical, values: [br, de, "01"] }
    model_types: [logistic_regression]
  - name: idle
`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function requeen(
  words: readonly string[],
  signal = new AbortController().signal,
  stderr: (text: string) => void = () => undefined,
): Promise<Ran> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await execute({
    line: words,
    commands: COMMANDS,
    version: "0.0.0",
    workingDirectory: folder,
    env: { REQUEEN_DATA_DIR: join(folder, "data"), REQUEEN_CONFIG: join(folder, "requeen.config.yaml") },
    stdout: { write: (written) => out.push(written) },
    stderr: {
      write: (written) => {
        notes.push(written);
        stderr(written);
      },
    },
    now: () => clockMs,
    signal,
    openHouse,
  });
  return { code, stdout: out.join(""), stderr: notes.join("") };
}

async function json(
  ...words: string[]
): Promise<Record<string, unknown> & Record<"runs" | "models" | "specialists" | "reigns", Record<string, unknown>[]>> {
  const { stdout, stderr } = await requeen([...words, "--json"]);
  if (stdout === "") throw new Error(`requeen ${words.join(" ")} printed nothing: ${stderr}`);
  return JSON.parse(stdout);
}

const ids = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);
const linksOf = (index: number): number => (index * 7) % 10;
const lengthOf = (index: number): number => (index * 13) % 21;
/** Both columns together decide, and one label in eleven is a slip: no column gives the answer away. */
const classOf = (index: number): string => (2 * linksOf(index) + lengthOf(index) >= 19 !== (index % 11 === 0) ? "spam" : "ham");

const opinionsCsv = (numbers: readonly number[]): string =>
  [
    "opinion_id,plan_id,specialist_type,evaluated_at,opinion.recommendation,opinion.confidence_score,columns.links,columns.length,columns.country",
    // wrong in every third case, so that there is something to learn
    ...numbers.map(
      (n) =>
        `o${n},p${n},mail,2026-01-0${1 + (n % 9)}T00:00:00Z,${n % 3 === 0 ? "ham" : classOf(n)},0.5,${linksOf(n)},${n % 16 === 0 ? "" : lengthOf(n)},${n % 2 === 0 ? "br" : "01"}`,
    ),
  ].join("\n");

async function open(): Promise<OpenedHouse> {
  const { config } = await readConfig({
    workingDirectory: folder,
    environment: { REQUEEN_DATA_DIR: join(folder, "data") },
    file: join(folder, "requeen.config.yaml"),
    flags: new Map(),
  });
  return openHouse({ config, now: () => clockMs });
}

/** As if another living process of this machine worked under the lease. Gives what ends it. */
async function holdLease(name: string): Promise<() => Promise<void>> {
  const { house, close } = await open();
  const owner = `${hostname()}:1:other`;
  const lease = await house.store.acquireLease(name, owner, 60_000, Date.now());
  return async () => {
    await house.store.releaseLease(name, owner, lease?.fence ?? 0);
    await close();
  };
}

/** Labels of a person, as the review page and `feedback add` give them. */
async function label(numbers: readonly number[], reviewer: string): Promise<void> {
  const opened = await open();
  try {
    const judgements = numbers.map((n, index) => ({
      opinionId: `o${n}`,
      recommendation: classOf(n),
      rating: null,
      reviewer,
      // a person needs time for each
      submittedAtMs: clockMs + index * 61_000,
    }));
    await addFeedback(opened.house, "person", judgements);
  } finally {
    await opened.close();
  }
  clockMs += numbers.length * 61_000 + 3_600_000;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-commands-"));
  await writeFile(join(folder, "requeen.config.yaml"), CONFIG);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("an empty folder: every list says what to do, in JSON it is an empty list", async () => {
  for (const [line, plural] of [
    ["runs list", "runs"],
    ["models list", "models"],
    ["datasets list", "datasets"],
    ["opinions list", "opinions"],
    ["feedback list", "feedback"],
    ["feedback quarantine", "quarantine"],
    ["history", "reigns"],
    ["audit list", "audit"],
  ] as const) {
    expect(await json(...line.split(" "))).toEqual({ [plural]: [], next: null });
    expect((await requeen(line.split(" "))).stdout, line).toMatch(/\w+/);
  }
  expect((await requeen(["audit", "verify"])).stdout).toMatch(/^Intact: 0 entries/);
});

test("import reads CSV by its columns' kinds; what does not fit is kept with its reason", async () => {
  const file = join(folder, "opinions.csv");
  await writeFile(file, `${opinionsCsv(ids(0, 400))}\nbad,p,mail,2026-01-01T00:00:00Z,ham,0.5,-4,1,br\nbad2,p,mail\n`);
  const rehearsed = await json("opinions", "import", file, "--dry-run");
  expect(rehearsed).toMatchObject({ read: 402, added: 400, quarantined: 2, unreadable: 1, dry_run: true });
  expect(await json("opinions", "list")).toMatchObject({ opinions: [] });
  expect(await json("opinions", "import", file)).toMatchObject({ read: 402, added: 400, quarantined: 2, dry_run: false });
  expect(await json("opinions", "import", file)).toMatchObject({ added: 0, same: 400 });
  const strict = await requeen(["opinions", "import", file, "--strict"]);
  expect(strict.code).toBe(3);
  expect(strict.stdout).toContain("record 403 has 3 cells");
  const listed = await json("opinions", "list", "--specialist", "mail", "--limit", "1");
  const [opinion] = listed.opinions as { features: { values: unknown[] }; columns: Record<string, unknown> }[];
  expect(opinion?.columns.country).toMatch(/^(br|01)$/);
  expect(typeof opinion?.features.values[0]).toBe("number");
  expect(await json("feedback", "quarantine")).toMatchObject({ quarantine: [{ kind: "opinion" }, { kind: "opinion" }] });
});

test("feedback on opinions that are not there waits in the quarantine until they are", async () => {
  const file = join(folder, "early.ndjson");
  const judged = {
    feedback_id: "f-early",
    opinion_id: "o900",
    plan_id: "p900",
    specialist_type: "mail",
    human_recommendation: "spam",
    submitted_by: "ana",
    submitted_at: "2026-01-20T00:00:00Z",
  };
  await writeFile(file, `${JSON.stringify(judged)}\n`);
  expect(await json("feedback", "import", file, "--dry-run")).toMatchObject({ added: 0, quarantined: 1 });
  expect(await json("feedback", "import", file)).toMatchObject({ added: 0, quarantined: 1, tier: "rule" });
  expect(await json("feedback", "quarantine", "--replay", "--kind", "feedback")).toMatchObject({
    replay: { added: 0, quarantined: 1 },
  });
  expect(await json("feedback", "quarantine", "--kind", "feedback")).toMatchObject({ quarantine: [{ state: "waiting" }] });
  await writeFile(join(folder, "late.csv"), opinionsCsv([900]));
  expect(await json("opinions", "import", join(folder, "late.csv"))).toMatchObject({ added: 1 });
  expect(await json("feedback", "quarantine", "--replay", "--kind", "feedback", "--dry-run")).toMatchObject({
    replay: { added: 1, dry_run: true },
  });
  expect(await json("feedback", "quarantine", "--replay", "--kind", "feedback", "--vouched-by", "ana")).toMatchObject({
    replay: { added: 1, quarantined: 0, tier: "bulk" },
  });
  expect(await json("feedback", "quarantine", "--kind", "feedback")).toEqual({ quarantine: [], next: null });
});

test("a file imported without anybody vouching can be vouched for later", async () => {
  const file = join(folder, "labels.csv");
  await writeFile(
    file,
    "opinion_id,human_recommendation,human_rating,submitted_by,submitted_at\no390,spam,0.1,bob,2026-01-20T00:00:00Z\n",
  );
  const first = await requeen(["feedback", "import", file]);
  expect(first.stdout).toContain("Nobody vouches for these labels");
  expect(await json("feedback", "import", file, "--vouched-by", "ana", "--dry-run")).toMatchObject({
    superseded: 1,
    tier: "bulk",
  });
  expect(await json("feedback", "import", file, "--vouched-by", "ana")).toMatchObject({
    superseded: 1,
    quarantined: 0,
    tier: "bulk",
  });
  expect(await json("feedback", "import", file, "--vouched-by", "ana")).toMatchObject({ same: 1, superseded: 0 });
});

test("one judgement by hand: checked, kept once, replaced by a later one", async () => {
  expect((await requeen(["feedback", "add", "o391", "maybe"])).stderr).toContain("must be one of ham, spam");
  expect((await requeen(["feedback", "add", "nowhere", "ham"])).code).toBe(4);
  expect(await json("feedback", "add", "o391", "ham", "--reviewer", "eva", "--dry-run")).toMatchObject({
    outcome: "added",
    dry_run: true,
  });
  expect(await json("feedback", "list", "--reviewer", "eva")).toEqual({ feedback: [], next: null });
  expect(await json("feedback", "add", "o391", "ham", "--reviewer", "eva")).toMatchObject({
    outcome: "added",
    feedback: { evidence: { tier: "informed", channel: "person" } },
  });
  clockMs += 1000;
  expect(await json("feedback", "add", "o391", "ham", "--reviewer", "eva")).toMatchObject({ outcome: "same" });
  expect(await json("feedback", "add", "o391", "spam", "--reviewer", "eva")).toMatchObject({
    outcome: "added",
    replaced: expect.stringMatching(/^feedback-/),
  });
});

test("exports of every form are read again as the same judgements", async () => {
  const whole = await json("feedback", "list", "--state", "current");
  for (const ending of ["ndjson", "json", "csv", "parquet"]) {
    const file = join(folder, `export.${ending}`);
    expect(await json("feedback", "export", file, "--state", "current")).toMatchObject({
      written: (whole.feedback as unknown[]).length,
      format: ending,
    });
    // the ids are there with another tier, so each is refused by its id: proof that every one was read whole
    const read = await json("feedback", "import", file, "--dry-run");
    expect(read).toMatchObject({ read: 3, quarantined: 3, unreadable: 0 });
    for (const problem of read.problems as string[]) expect(problem).toContain("is stored with another content");
  }
  const printed = await requeen(["feedback", "export", "-", "--format", "csv", "--reviewer", "bob"]);
  expect(printed.stdout.split("\n")[0]).toMatch(/^feedback_id,opinion_id,plan_id/);
});

test("before there are labels a retraining is refused with code 9, and --dry-run says so with code 0", async () => {
  const refused = await json("retrain", "mail");
  expect(refused.runs).toMatchObject([
    {
      run_id: null,
      specialist: "mail",
      state: "refused",
      verdict: null,
      promoted: false,
      champion_version: null,
      error: { code: "not_enough_evidence" },
    },
  ]);
  expect((await requeen(["retrain", "--all"])).code).toBe(9);
  const rehearsed = await requeen(["retrain", "mail", "--dry-run"]);
  expect(rehearsed).toMatchObject({ code: 0, stdout: expect.stringContaining("mail: wait.") });
  expect((await requeen(["retrain", "mail", "--all"])).code).toBe(2);
});

test("labels of people start a run by the trigger, and its verdict explains and recomputes itself", async () => {
  await label(ids(0, 160), "eva");
  expect(await json("status")).toMatchObject({
    specialists: [{ specialist: "mail", state: "READY", threshold: 100, champion: null }, { specialist: "idle" }],
    totals: { ready: 1 },
  });
  expect(await json("trigger", "check", "--all", "--dry-run")).toMatchObject({
    runs: [],
    triggers: [{ state: "READY" }, { state: "WAIT" }],
  });
  expect(await json("runs", "list")).toEqual({ runs: [], next: null });
  const checked = await requeen(["trigger", "check", "--all"]);
  expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining("ready") });
  const [run] = (await json("runs", "list")).runs;
  expect(run).toMatchObject({
    specialist: "mail",
    state: "finished",
    promoted: true,
    champion_version: "1",
    compared_with_version: null,
    verdict: { decision: "promote" },
  });
  const short = String(run?.run_id).slice(0, 14);
  expect((await requeen(["runs", "show", short])).stdout).toMatch(/rollout {3}/);
  const shown = await requeen(["verdict", "show", short]);
  for (const part of ["Promote", "Why, what decided first", "BASELINE", "Floors", "other rules", "recompute"])
    expect(shown.stdout).toContain(part);
  const recomputed = await requeen(["verdict", "recompute", short]);
  expect(recomputed).toMatchObject({ code: 0, stdout: expect.stringContaining("byte for byte") });
  expect(await json("verdict", "recompute", short, "--policy", "strict")).toMatchObject({
    same: false,
    policy_changed: true,
    recomputed_decision: "promote",
  });
  expect(await json("trigger", "check", "mail")).toMatchObject({ runs: [], triggers: [{ state: "WAIT" }] });
});

test("the champion judges rows of a table; a rehearsal stores nothing", async () => {
  const file = join(folder, "rows.csv");
  await writeFile(file, "plan_id,links,length,country\nrow-1,9,20,br\nrow-2,0,,de\n");
  const rehearsed = await json("judge", "mail", file, "--dry-run");
  expect(rehearsed).toMatchObject({
    judged: 2,
    dry_run: true,
    opinions: [
      { plan_id: "row-1", opinion: { recommendation: "spam" } },
      { plan_id: "row-2", opinion: { recommendation: "ham" } },
    ],
  });
  expect(await json("opinions", "list", "--plan", "row-1")).toMatchObject({ opinions: [] });
  expect(await json("judge", "mail", file)).toMatchObject({
    judged: 2,
    opinions: [{ state: "judged", model: { version: "1" } }, { columns: { length: null } }],
  });
  expect(await json("opinions", "list", "--plan", "row-1")).toMatchObject({ opinions: [{ plan_id: "row-1" }] });
  await writeFile(file, "plan_id,links,length,country\nrow-3,9,1,br\nrow-4,9,1,fr\n");
  expect((await requeen(["judge", "mail", file])).stderr).toContain(
    "document 2: column country of mail must be one of br, de, 01",
  );
  expect(await json("opinions", "list", "--plan", "row-3")).toMatchObject({ opinions: [{ plan_id: "row-3" }] });
});

test("Ctrl-C leaves a run that resume ends", async () => {
  clockMs += 2 * 86_400_000;
  await label(ids(160, 200), "eva");
  const stop = new AbortController();
  const stopped = await requeen(["retrain", "mail"], stop.signal, (note) => {
    if (note.includes("training")) stop.abort();
  });
  expect(stopped.code).toBe(5);
  expect(stopped.stdout).toContain("runs resume");
  expect(await json("status")).toMatchObject({ specialists: [{ state: "RUNNING" }, {}] });
  expect((await requeen(["retrain", "mail"])).code).toBe(5);
  expect(await json("runs", "resume", "--all", "--dry-run")).toMatchObject({ runs: [{ state: "running" }], dry_run: true });
  const release = await holdLease("run:mail");
  expect(await json("runs", "resume", "--all")).toMatchObject({ runs: [] });
  await release();
  const resumed = await json("runs", "resume", "--all");
  expect(resumed.runs).toMatchObject([{ specialist: "mail", state: "finished", verdict: { decision: expect.any(String) } }]);
  expect((await requeen(["runs", "resume", String(resumed.runs[0]?.run_id)])).code).toBe(5);
  expect((await requeen(["runs", "cancel", String(resumed.runs[0]?.run_id)])).code).toBe(5);
});

test("promote asks the verdict, --force goes on record, rollback leaves a tombstone", async () => {
  const before = (await json("models", "list", "--specialist", "mail")).models;
  expect(before.map(({ version }) => version)).toEqual(["2", "1"]);
  const champion = before.find(({ aliases }) => (aliases as string[]).includes("champion"))?.version;
  const other = champion === "1" ? "2" : "1";
  expect((await requeen(["promote", "mail", other, "--force"])).code).toBe(2);
  expect(await json("promote", "mail", other, "--force", "--reason", "test", "--dry-run")).toMatchObject({
    version: other,
    dry_run: true,
  });
  expect((await json("models", "list")).models).toEqual(before);
  expect(await json("promote", "mail", `v${other}`, "--force", "--reason", "the board wants it")).toMatchObject({
    version: other,
    predecessor: champion,
    state: "done",
  });
  clockMs += 60_000;
  expect(await json("rollback", "mail", "--reason", "wrong on links", "--dry-run")).toMatchObject({
    version: champion,
    tombstone: other,
    dry_run: true,
  });
  expect(await json("rollback", "mail", "--reason", "wrong on links")).toMatchObject({
    version: champion,
    tombstone: other,
    state: "done",
  });
  expect((await requeen(["promote", "mail", other])).code).toBe(5);
  const after = (await json("models", "list")).models;
  expect(after.filter(({ stage }) => stage === "Production")).toMatchObject([{ version: champion, aliases: ["champion"] }]);
  expect(after.find(({ version }) => version === other)?.tombstone).toContain("wrong on links");
  const { reigns } = await json("history", "mail");
  expect(reigns.map(({ action, version, until }) => [action, version, until === null]).slice(0, 2)).toEqual([
    ["rollback", champion, true],
    ["promote", other, false],
  ]);
  expect(await json("history", "--at", "2020-01-01")).toEqual({ reigns: [], next: null });
  expect((await requeen(["history", "--plan", "row-1"])).stdout).toMatch(/by version 1 of\s+mail-evaluator/);
  expect((await requeen(["history", "--at", "yesterday"])).code).toBe(2);
});

test("an exported model is whole and checked, and replaces nothing unasked", async () => {
  const to = join(folder, "model");
  const exported = await json("models", "export", "mail", "champion", to);
  const listing = JSON.parse(await readFile(join(to, "digests.json"), "utf8")) as { files: Record<string, unknown> };
  expect((await readdir(to)).sort()).toEqual([...Object.keys(listing.files), "digests.json"].sort());
  expect((await requeen(["models", "export", "mail", "champion", to])).code).toBe(5);
  await writeFile(join(to, "MLmodel"), "altered");
  expect(await json("models", "export", "mail", "champion", to, "--force")).toMatchObject({ sha256: exported.sha256 });
  expect(await readFile(join(to, "MLmodel"), "utf8")).not.toBe("altered");
  expect((await readdir(folder)).filter((name) => name.startsWith("model"))).toEqual(["model"]);
  expect((await requeen(["models", "show", "mail", "challenger"])).code).toBe(4);
  expect((await requeen(["models", "show", "idle"])).code).toBe(9);
  expect((await requeen(["models", "show", "mail"])).stdout).toContain("model.onnx");
});

test("datasets say what was in and out; the audit log is whole", async () => {
  const { datasets } = (await json("datasets", "list")) as unknown as { datasets: { dataset_id: string; rows: number }[] };
  expect(datasets).toHaveLength(2);
  const shown = await requeen(["datasets", "show", String(datasets[0]?.dataset_id).slice(0, 10)]);
  expect(shown.stdout).toMatch(/rows +\d+: train \d+|rows +\d+: gate \d+/);
  expect(await json("audit", "verify")).toMatchObject({ intact: true });
  const { audit } = (await json("audit", "list", "--subject", "mail", "--limit", "100")) as unknown as {
    audit: { action: string }[];
  };
  expect(audit.map(({ action }) => action)).toEqual(expect.arrayContaining(["run.finished", "model.promote", "model.rollback"]));
});

test("standard input and standard output of the real program", async () => {
  const child = spawn("node_modules/.bin/node", ["bin/requeen.mjs", "feedback", "import", "-", "--format", "csv", "--json"], {
    env: { ...process.env, REQUEEN_DATA_DIR: join(folder, "data"), REQUEEN_CONFIG: join(folder, "requeen.config.yaml") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end("opinion_id,human_recommendation,submitted_by,submitted_at\no392,spam,tom,2026-01-20T00:00:00Z\n");
  expect(JSON.parse(await text(child.stdout))).toMatchObject({ source: "standard input", read: 1, added: 1 });
});
