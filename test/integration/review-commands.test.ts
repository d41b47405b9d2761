import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { execute } from "../../src/cli/execute.ts";
import { openHouse } from "../../src/cli/house.ts";
import { judge } from "../../src/loop/judge.ts";
import { openToyHouse } from "./support/open-house.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-review-cli-"));
const now = () => Date.parse("2026-03-02T09:00:00.000Z");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => {
  const { house, close } = await openToyHouse(folder, now);
  // enough that whoever draws what, one is left that nobody judged or skipped
  const ids = [1, 2, 3, 4].map((id) => ({ opinionId: `o-${id}`, planId: `plan-${id}`, columns: { a: id, b: 2, noise: 0 } }));
  await judge(house, "toy", ids);
  await close();
});

async function requeen(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [out, notes]: [string[], string[]] = [[], []];
  const code = await execute({
    line: words,
    commands: COMMANDS,
    version: "0.0.0",
    workingDirectory: folder,
    env: { REQUEEN_DATA_DIR: folder },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => notes.push(text) },
    now,
    signal: new AbortController().signal,
    openHouse,
  });
  return { code, stdout: out.join(""), stderr: notes.join("") };
}
const json = async (...words: string[]) => JSON.parse((await requeen(...words, "--reviewer", "ann", "--json")).stdout);

test("an opinion is claimed, judged, taken back and judged again from a script", async () => {
  expect((await json("review", "next", "--dry-run")).review.claim.state).toBe("open");
  expect((await json("review", "list")).claims).toEqual([]);

  const { review } = await json("review", "next");
  expect(review).toMatchObject({ specialist: "toy", opinion: null, claim: { mode: "blind", reviewer: "ann" } });
  const id = review.claim.claim_id;
  expect((await json("review", "submit", id, "yes", "--dry-run")).status).toBe("recorded");
  expect((await json("review", "list")).claims).toMatchObject([{ claim_id: id, state: "open" }]);
  expect(await json("review", "submit", id, "yes")).toMatchObject({ tier: "blind", status: "recorded" });
  const undone = await json("review", "undo", id);
  expect(undone.review.claim.mode).toBe("informed");
  expect(await json("review", "submit", undone.review.claim.claim_id, "no")).toMatchObject({ tier: "informed", decision: "no" });

  const other = (await json("review", "next")).review.claim;
  expect(await json("review", "skip", other.claim_id, "--reason", "not mine")).toMatchObject({ state: "skipped" });
  const last = (await json("review", "next")).review.claim;
  expect(await json("review", "release", last.claim_id)).toMatchObject({ state: "released" });
  expect(await json("review", "summary")).toMatchObject({ reviewer: "ann", done: 1, held: 0, waiting: 3 });
});

test("people are told what to type next, and another's claim is not theirs", async () => {
  const shown = await requeen("review", "next", "--reviewer", "bob");
  const claim = /claim-[0-9a-f]{32}/.exec(shown.stdout)?.[0] ?? "";
  expect(shown.stdout).toContain(`requeen review submit ${claim} DECISION\`: yes, no.`);
  expect(shown.stdout).not.toContain("review_required");
  expect(await requeen("review", "submit", claim, "yes", "--reviewer", "ann")).toMatchObject({ code: 6 });
  const submitted = await requeen("review", "submit", claim, "yes", "--reviewer", "bob");
  expect(submitted.stdout).toMatch(/Submitted, tier blind: yes, .* No model had judged it\. .*requeen review undo/s);
});

test("what was listed on the command line is not offered blind any more", async () => {
  await requeen("opinions", "list", "--specialist", "toy");
  const mine = await requeen("review", "next", "--json");
  expect(JSON.parse(mine.stdout)).toEqual({ review: null });
  expect((await json("review", "next", "--mode", "informed")).review.opinion.opinion.recommendation).toBe("review_required");
});
