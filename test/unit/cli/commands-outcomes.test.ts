import { expect, test } from "vitest";
import { bareMessage, chance, firstSentences, minuteOf, shortId, signed, wrap } from "../../../src/cli/render/figures.ts";
import { renderImport } from "../../../src/cli/render/import-report.ts";
import { renderOutcomes } from "../../../src/cli/render/runs.ts";
import { openTerminal } from "../../../src/cli/terminal.ts";
import { exitCodeOf, outcomeLine } from "../../../src/cli/watch-runs.ts";
import { refusedRun, type ShownRun, type VerdictSummary } from "../../../src/loop/present.ts";
import type { ShownImport } from "../../../src/loop/shown-import.ts";

const terminal = openTerminal({ stdout: { write: () => true }, stderr: { write: () => true }, env: {} });
const verdict: VerdictSummary = {
  decision: "promote",
  verdict_id: "ab".repeat(32),
  headline: "Promote: it is better.",
  candidate: false,
  requires_approval: false,
  p_better: 0.99,
  rows: 120,
  labels_needed: 0,
};
const refused = (code: string, byEvidence: boolean): ShownRun =>
  refusedRun("mail", "3", { code, message: `${code}: mail: too few.`, details: {} }, byEvidence);
const finished: ShownRun = {
  ...refused("x", true),
  run_id: `run-${"0a".repeat(16)}`,
  state: "finished",
  verdict,
  error: null,
  promoted: true,
  challenger_version: "4",
  champion_version: "4",
};

test("exit code of several runs: refused for evidence before any other error, 0 when all have a verdict", () => {
  expect(exitCodeOf([])).toBe(0);
  expect(exitCodeOf([finished, finished])).toBe(0);
  expect(exitCodeOf([finished, refused("not_enough_evidence", true)])).toBe(9);
  expect(exitCodeOf([refused("registry_unavailable", false), refused("evidence_refused", true)])).toBe(9);
  expect(exitCodeOf([refused("registry_unavailable", false), finished])).toBe(7);
  expect(exitCodeOf([refused("run_active", false)])).toBe(5);
  expect(exitCodeOf([refused("a code of a later version", false)])).toBe(1);
});

test("an outcome names what is in production afterwards", () => {
  expect(outcomeLine(finished)).toBe("promote: version 4 is in production");
  expect(outcomeLine({ ...finished, promoted: false, champion_version: "3", verdict: { ...verdict, decision: "reject" } })).toBe(
    "reject: version 3 stays",
  );
  expect(
    outcomeLine({ ...finished, promoted: false, champion_version: null, verdict: { ...verdict, decision: "inconclusive" } }),
  ).toBe("inconclusive: no champion yet");
  expect(outcomeLine(refused("evidence_refused", true))).toBe("refused: evidence_refused");
  expect(outcomeLine({ ...finished, state: "running", verdict: null })).toContain("requeen runs resume run-0a0a0a0a0a");
});

test("a summary of runs says of each what happened and why", () => {
  const text = renderOutcomes(
    [finished, refused("not_enough_evidence", true), { ...finished, state: "running", verdict: null, promoted: false }],
    terminal,
  );
  expect(text).toContain("mail: Promote: it is better.");
  expect(text).toContain("mail: too few.");
  expect(text).not.toContain("mail: mail");
  expect(text).toContain("stopped at start.");
  expect(text).toContain("`requeen runs resume --all`");
});

test("an import tells every count, and each kind of problem once", () => {
  const report: ShownImport = {
    source: "f.csv",
    tier: "bulk",
    read: 1500,
    added: 1480,
    same: 10,
    superseded: 5,
    quarantined: 5,
    problems: ['opinion_id "o1": is not there', 'opinion_id "o2": is not there', "line 7 is not JSON"],
    unreadable: 1,
    dry_run: false,
    strict: false,
  };
  const text = renderImport(report, "feedback", terminal);
  expect(text).toContain("1,500 feedback documents read from f.csv, as evidence of tier bulk");
  expect(text).toContain('opinion_id "o1": is not there (and 1 like it)');
  expect(text).not.toContain("o2");
  expect(text).toContain("line 7 is not JSON");
  expect(renderImport({ ...report, dry_run: true }, "feedback", terminal)).toContain("would be read");
  expect(renderImport({ ...report, read: 0 }, "opinion", terminal)).toBe("f.csv holds no documents; nothing was imported.");
});

test("figures: ids are short, certainty is never claimed, a zero has no sign", () => {
  expect(shortId(`run-${"0a".repeat(16)}`)).toBe("run-0a0a0a0a0a");
  expect(shortId("f".repeat(64))).toBe("f".repeat(10));
  expect(shortId("hive-7-technical-200")).toBe("hive-7-technical-200");
  expect(shortId(null)).toBe("-");
  expect([chance(1), chance(0), chance(0.5)]).toEqual(["over 99.9 %", "under 0.1 %", "50.0 %"]);
  expect([signed(0.5), signed(-0.25), signed(-0.0001), signed(null)]).toEqual(["+0.500", "-0.250", "0.000", "-"]);
  expect(minuteOf("2026-11-22T21:44:59.999Z")).toBe("2026-11-22 21:44");
});

test("texts: names are not said twice, long reasons end with a sentence, lines keep their indent", () => {
  expect(bareMessage("conflict: mail: taken", "mail", "conflict")).toBe("taken");
  expect(bareMessage("mail is busy", "mail")).toBe("mail is busy");
  expect(firstSentences("It took 1.5 seconds. That is fast. Nobody reads so.", 40)).toEqual({
    text: "It took 1.5 seconds. That is fast.",
    whole: false,
  });
  expect(firstSentences("One. Two.", 40)).toEqual({ text: "One. Two.", whole: true });
  expect(wrap("  aa bb cc", 7, "    ")).toBe("  aa bb\n    cc");
  expect(wrap("by 95 % here", 5)).toBe("by\n95 %\nhere");
});
