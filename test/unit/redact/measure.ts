import { findPii } from "../../../src/loop/redact/find.ts";
import { PII_KINDS, type PiiKind } from "../../../src/loop/redact/span.ts";
import { CORPUS, type Sample } from "./corpus.ts";

export interface Measured {
  readonly kind: PiiKind | "all";
  readonly marked: number;
  readonly found: number;
  readonly right: number;
}

/** Counts over the corpus: a find is right when kind and words are those that were marked. */
export function measure(samples: readonly Sample[] = CORPUS): Measured[] {
  const counts = new Map(PII_KINDS.map((kind) => [kind, { marked: 0, found: 0, right: 0 }]));
  for (const { text, marked } of samples) {
    const left = [...marked];
    for (const { kind } of marked) count(counts, kind).marked += 1;
    for (const { kind, start, end } of findPii(text)) {
      count(counts, kind).found += 1;
      const at = left.findIndex((one) => one.kind === kind && one.words === text.slice(start, end));
      if (at < 0) continue;
      left.splice(at, 1);
      count(counts, kind).right += 1;
    }
  }
  const rows = [...counts].map(([kind, of]) => ({ kind, ...of }));
  const sum = (name: "marked" | "found" | "right") => rows.reduce((total, row) => total + row[name], 0);
  return [...rows, { kind: "all", marked: sum("marked"), found: sum("found"), right: sum("right") }];
}

const count = <T>(counts: ReadonlyMap<PiiKind, T>, kind: PiiKind): T => {
  const of = counts.get(kind);
  if (of === undefined) throw new Error(`the corpus marks a kind that is not known: ${kind}`);
  return of;
};

/** The table of the guide. */
export const tableOf = (rows: readonly Measured[]): string =>
  [
    "| kind | in the corpus | found | right | precision | recall |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map(
      ({ kind, marked, found, right }) =>
        `| ${kind} | ${marked} | ${found} | ${right} | ${(right / found).toFixed(2)} | ${(right / marked).toFixed(2)} |`,
    ),
  ].join("\n");
