import { RequeenError } from "../../../core/errors.ts";
import { deriveSeed, SeededRandom } from "../../../engine/seeded-random.ts";
import { DOMAINS, PRIORITIES, SECURITY_LEVELS } from "../../simulate/profile.ts";
import { APPROVE_RISK_LIMIT, REJECT_RISK_LIMIT } from "../gates.ts";
import type { PromptLanguage } from "./prompts.ts";

/** Bands of a plan's risk score, as the plans' own risk bands. */
const RISKS = { low: [0.05, 0.3], medium: [0.3, 0.6], high: [0.6, 0.85], critical: [0.85, 0.98] } as const;
const COMPLEXITIES = { low: [3, 5], medium: [5, 8], high: [8, 12] } as const;
type Risk = keyof typeof RISKS;
type Complexity = keyof typeof COMPLEXITIES;

/** What is settled about a plan before a model is asked for it. */
export interface Slot {
  /** From 0. */
  readonly index: number;
  readonly decision: string;
  readonly language: PromptLanguage;
  readonly domain: (typeof DOMAINS)[number];
  readonly priority: (typeof PRIORITIES)[number];
  readonly securityLevel: (typeof SECURITY_LEVELS)[number];
  readonly risk: Risk;
  readonly riskRange: readonly [number, number];
  readonly complexity: Complexity;
  readonly taskRange: readonly [number, number];
}

/**
 * Whole numbers of plans a class by largest remainder. Every class with a share gets at least one plan, or it cannot be met.
 * @throws RequeenError bad_parameter
 */
export function dealShares(quotas: Readonly<Record<string, number>>, count: number, classes: readonly string[]): string[] {
  const refuse = (rule: string): never => {
    throw new RequeenError("bad_parameter", `quotas ${rule}; got ${JSON.stringify(quotas)} for ${count} plans`, {
      quotas,
      count,
    });
  };
  const unknown = Object.keys(quotas).find((name) => !classes.includes(name));
  if (unknown !== undefined)
    refuse(`must name classes of the specialist (${classes.join(", ")}), and ${JSON.stringify(unknown)} is none`);
  const shares = classes.map((name) => ({ name, share: quotas[name] ?? 0 }));
  const sum = shares.reduce((total, { share }) => total + share, 0);
  if (shares.some(({ share }) => !(share >= 0)) || Math.abs(sum - 1) > 1e-9)
    refuse(`must be shares of 0 or more that add up to 1, not ${sum}`);
  const counts = shares.map(({ name, share }) => ({
    name,
    share,
    whole: Math.floor(share * count + 1e-9),
    rest: (share * count) % 1,
  }));
  let left = count - counts.reduce((total, { whole }) => total + whole, 0);
  for (const entry of counts.toSorted((a, b) => b.rest - a.rest)) {
    if (left <= 0) break;
    entry.whole += 1;
    left -= 1;
  }
  const without = counts.find(({ share, whole }) => share > 0 && whole === 0);
  if (without !== undefined) refuse(`cannot be met: ${without.name} would get no plan`);
  return counts.flatMap(({ name, whole }) => Array.from({ length: whole }, () => name));
}

/** The operators' default shares where the specialist has those classes, else the same share for each class. */
export function defaultQuotas(
  classes: readonly string[],
  usual: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const names = Object.keys(usual);
  if (names.length === classes.length && names.every((name) => classes.includes(name))) return usual;
  return Object.fromEntries(classes.map((name) => [name, 1 / classes.length]));
}

/** Slots in an order that follows from the seed: the classes as the quotas deal them, each class over the cells of the grid in turn. */
export function dealSlots(
  quotas: Readonly<Record<string, number>>,
  {
    count,
    classes,
    seed,
    languages,
  }: { count: number; classes: readonly string[]; seed: number; languages: readonly PromptLanguage[] },
): Slot[] {
  const random = new SeededRandom(deriveSeed(seed, 0x51075));
  const decisions = random.shuffle(dealShares(quotas, count, classes));
  const cellsOf = new Map(classes.map((name) => [name, random.shuffle(cellsFor(name))]));
  const taken = new Map<string, number>();
  return decisions.map((decision, index): Slot => {
    const cells = cellsOf.get(decision) ?? [];
    const turn = taken.get(decision) ?? 0;
    taken.set(decision, turn + 1);
    const cell = cells[turn % cells.length];
    const language = languages[index % languages.length];
    const securityLevel = SECURITY_LEVELS[random.nextInt(SECURITY_LEVELS.length)];
    if (cell === undefined || language === undefined || securityLevel === undefined) throw new Error("the grid has no cell");
    return { index, decision, language, securityLevel, ...cell };
  });
}

type Cell = Pick<Slot, "domain" | "priority" | "risk" | "riskRange" | "complexity" | "taskRange">;

/** Domains x complexities x risks x priorities, without the risks that contradict the class. */
function cellsFor(decision: string): Cell[] {
  const risks = (Object.keys(RISKS) as Risk[]).filter((risk) => {
    if (decision === "approve") return RISKS[risk][1] <= APPROVE_RISK_LIMIT;
    return decision !== "reject" || RISKS[risk][0] >= REJECT_RISK_LIMIT;
  });
  return DOMAINS.flatMap((domain) =>
    PRIORITIES.flatMap((priority) =>
      risks.flatMap((risk) =>
        (Object.keys(COMPLEXITIES) as Complexity[]).map((complexity) => ({
          domain,
          priority,
          risk,
          riskRange: RISKS[risk],
          complexity,
          taskRange: COMPLEXITIES[complexity],
        })),
      ),
    ),
  );
}
