import { grouped, plural } from "../../decide/phrases.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import type { Terminal } from "../terminal.ts";
import { wrap } from "./figures.ts";
import { renderFacts } from "./table.ts";

export const STRICT_OPTION_SUMMARY = "exit with code 3 when anything went to the quarantine";

/** 3 (the data is wrong) under `--strict` when something was quarantined; else 0, since everything was read and nothing lost. */
export const exitCodeOfImport = ({ strict, quarantined }: ShownImport): number => (strict && quarantined > 0 ? 3 : 0);

export function renderImport(report: ShownImport, kind: "opinion" | "feedback", terminal: Terminal): string {
  const { read, added, same, superseded, quarantined, problems, source, dry_run } = report;
  if (read === 0) return `${source} holds no documents; nothing was imported.`;
  const verb = dry_run ? "would be read" : "read";
  const noun = kind === "opinion" ? plural(read, "opinion") : plural(read, "feedback document");
  const counts: [string, string][] = [
    ["  new", grouped(added)],
    ["  known already", grouped(same)],
  ];
  if (kind === "feedback") counts.push(["  replaced or older", grouped(superseded)]);
  counts.push(["  quarantined", quarantined === 0 ? "0" : terminal.style.yellow(grouped(quarantined))]);
  const lines = [
    `${noun} ${verb} from ${source}${report.tier === null ? "" : `, as evidence of tier ${report.tier}`}:`,
    renderFacts(counts, terminal),
  ];
  if (quarantined > 0) {
    const width = Math.min(terminal.width, 100);
    lines.push("", "First problems:", ...alike(problems).map((problem) => wrap(`  ${problem}`, width, "    ")));
    if (report.unreadable > 0) lines.push(`  (${plural(report.unreadable, "document")} of them could not be read at all)`);
    lines.push(
      "",
      dry_run
        ? "They would be kept in the quarantine."
        : "They are kept: `requeen feedback quarantine` lists them, with --replay it tries them again.",
    );
  }
  return lines.join("\n");
}

/** One line for problems that differ by their values only. */
function alike(problems: readonly string[]): string[] {
  const groups = new Map<string, { first: string; others: number }>();
  for (const problem of problems) {
    const kind = problem.replaceAll(/"(?:[^"\\]|\\.)*"|\d+/g, "");
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, { first: problem, others: 0 });
    else group.others += 1;
  }
  return [...groups.values()].map(({ first, others }) => (others === 0 ? first : `${first} (and ${others} like it)`));
}
