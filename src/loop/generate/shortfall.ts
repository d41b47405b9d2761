import { RequeenError } from "../../core/errors.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { RejectionTally } from "./gates.ts";

/** What is missing and why, with the refusals by gate; null when nothing is. */
export function shortfallOf(asked: number, made: number, tally: RejectionTally, because: string): DatasetCard["shortfall"] {
  if (made >= asked) return null;
  const refused = tally
    .entries()
    .filter(({ count }) => count > 0)
    .map(({ gate, count }) => `${gate} ${count}`);
  return { missing: asked - made, because: refused.length === 0 ? because : `${because}; refused: ${refused.join(", ")}` };
}

/**
 * A shortfall that the caller does not accept, or a set of nothing.
 * @throws RequeenError generation_short
 */
export function refuseShortfall(
  shortfall: DatasetCard["shortfall"],
  { asked, strict, specialist, tally }: { asked: number; strict: boolean; specialist: string; tally: RejectionTally },
): void {
  if (shortfall === null || (!strict && shortfall.missing < asked)) return;
  const made = asked - shortfall.missing;
  throw new RequeenError(
    "generation_short",
    `${made} of ${asked} plans for ${specialist} passed the gates: ${shortfall.because}`,
    {
      asked,
      made,
      rejected: tally.entries(),
    },
  );
}
