import { z } from "zod";
import { redactUri } from "../../config/secret.ts";
import { RequeenError } from "../../core/errors.ts";
import { plural } from "../../decide/phrases.ts";
import { type CompleteReport, completeOriginals } from "../../loop/complete-originals.ts";
import { type MigrateReport, type MovableStore, migrateStore, openMongoStore, openSqliteStore } from "../../store/index.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { renderTable } from "../render/table.ts";
import type { Terminal } from "../terminal.ts";
import { VOUCHED_BY_OPTION } from "./feedback-import.ts";

interface Migrated {
  readonly from: string;
  readonly to: string;
  readonly kinds: MigrateReport;
}

export const migrate = defineCommand({
  name: "migrate",
  summary: "Copy everything from one store to another, or complete in place what the original system left in a MongoDB.",
  details: [
    "A store is sqlite:<file> or mongodb://... . The target must be empty, or hold the beginning of the same move: a move that was cut off goes",
    "on where it stood. What was copied is counted and compared by digest. Stop what writes to the source first. Model files and datasets stay in",
    "the data folder.",
    "",
    "With --in-place, opinions of the original system in the MongoDB of MONGODB_URI get the feature vector of their plan, so that the feedback on",
    "them trains. A plan is looked for in the opinion, then by plan_id in the collection of --plans, then in a feedback's snapshot. No field of",
    "the original documents is changed: what is added stands under `requeen`. A second call adds what has come since.",
    "Without --vouched-by nobody answers for that feedback: it stays of tier rule, which neither starts a run nor judges a model. Documents that",
    "say of themselves that a program wrote them are never vouched for.",
  ].join("\n"),
  arguments: {},
  options: {
    from: {
      summary: "store to read: sqlite:.requeen/requeen.db or mongodb://host/database",
      value: "<store>",
      type: z.string().optional(),
    },
    to: { summary: "store to fill", value: "<store>", type: z.string().optional() },
    inPlace: { summary: "complete the original system's documents where they stand", type: z.boolean().default(false) },
    plans: {
      summary: "collection that holds plans by plan_id; with --in-place",
      value: "<collection>",
      type: z.string().min(1).max(120).default("cognitive_plans"),
    },
    ...VOUCHED_BY_OPTION,
  },
  examples: [
    {
      line: "requeen migrate --from sqlite:.requeen/requeen.db --to mongodb://mongo:27017/neural_hive",
      does: "moves from the data folder to MongoDB",
    },
    {
      line: "requeen migrate --from mongodb://mongo:27017/neural_hive --to sqlite:copy.db --dry-run",
      does: "counts what would be copied",
    },
    { line: "requeen migrate --in-place --dry-run", does: "how much of the original system's documents could train" },
    {
      line: 'requeen migrate --in-place --vouched-by "Ana Lima"',
      does: "makes it train, with a person who answers for the labels",
    },
  ],
  changes: true,
  async run(values, context): Promise<Migrated | CompleteReport> {
    const { from, to, inPlace, plans, vouchedBy = null } = values;
    if (inPlace) {
      if (from !== undefined || to !== undefined)
        throw new RequeenError("bad_parameter", "--in-place works on the store of the configuration; leave out --from and --to");
      const house = await context.openHouse();
      const line = context.progress.begin("complete");
      const { dryRun, signal } = context;
      return completeOriginals(house, {
        plans,
        vouchedBy,
        dryRun,
        signal,
        onProgress: (opinions) => line.step(`${opinions} opinions`),
      });
    }
    if (from === undefined || to === undefined)
      throw new RequeenError("bad_parameter", "migrate needs --from and --to, or --in-place");
    if (vouchedBy !== null) throw new RequeenError("bad_parameter", "--vouched-by goes with --in-place");
    return move(from, to, context);
  },
  render: (result, terminal) => ("kinds" in result ? renderMove(result, terminal) : renderCompletion(result)),
});

async function move(from: string, to: string, { now, dryRun, progress }: CommandContext): Promise<Migrated> {
  const source = await openPlace(from, "--from", now);
  try {
    const target = await openPlace(to, "--to", now);
    try {
      const line = progress.begin("migrate");
      const kinds = await migrateStore(source, target, {
        dryRun,
        onProgress: (kind, records) => line.step(`${kind}: ${records}`),
      });
      return { from: redactUri(from), to: redactUri(to), kinds };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

const renderMove = ({ kinds }: Migrated, terminal: Terminal): string =>
  renderTable(
    Object.entries(kinds),
    [
      { title: "KIND", text: ([kind]) => kind },
      { title: "RECORDS", align: "right", text: ([, report]) => String(report.records) },
      { title: "WRITTEN", align: "right", text: ([, report]) => String(report.written) },
      { title: "DIGEST", text: ([, report]) => report.digest.slice(0, 12) },
    ],
    terminal,
  );

function renderCompletion({ dry_run, opinions, feedback, problems }: CompleteReport): string {
  const { seen, completed, without_plan, refused, unreadable } = opinions;
  const would = dry_run ? "would get" : "got";
  const lines = [
    `${plural(seen, "opinion")} of the original system had no vector; ${completed} ${would} one.`,
    ...(without_plan > 0
      ? [`${without_plan} have no plan anywhere: they can be judged, and nothing can be learnt from them.`]
      : []),
    ...(refused > 0 ? [`${refused} do not fit their specialist, or their plan cannot be read:`] : []),
    ...problems.map((problem) => `  ${problem}`),
    ...(unreadable > 0 ? [`${unreadable} cannot be read and wait in the quarantine.`] : []),
    dry_run
      ? `${plural(feedback.seen, "feedback document")} of the original system; ${feedback.vouched} would be vouched for.`
      : `${plural(feedback.seen, "feedback document")} of the original system: ${feedback.tied} newly tied to a vector, ${feedback.vouched} newly vouched for.`,
    ...(feedback.automatic > 0 ? [`${feedback.automatic} say that a program wrote them: nobody can vouch for those.`] : []),
    ...(dry_run ? ["Nothing was changed."] : []),
  ];
  return lines.join("\n");
}

async function openPlace(place: string, flag: string, now: () => number): Promise<MovableStore> {
  if (place.startsWith("sqlite:")) return openSqliteStore(place.slice("sqlite:".length), { now });
  if (/^mongodb(\+srv)?:\/\//.test(place)) return openMongoStore(place, { now });
  throw new RequeenError(
    "bad_parameter",
    `${flag} must be sqlite:<file> or mongodb://...; got ${JSON.stringify(redactUri(place))}`,
  );
}
