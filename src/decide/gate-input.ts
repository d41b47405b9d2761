import { RequeenError } from "../core/errors.ts";
import type { GateInput } from "./gate.ts";

/** How far a row of probabilities may be from summing to 1: models that store 32-bit numbers stay within it. */
const SUM_TOLERANCE = 1e-3;

/**
 * Checks shapes and values, and puts both models' columns into the order of `classes`.
 * @returns the input to measure; its arrays are the caller's own where nothing had to move.
 * @throws bad_data, bad_parameter as documented at `gate`.
 */
export function checkGateInput(input: GateInput): GateInput {
  const { labels, classes, weights, groups, ids, slices, seed, policy } = input;
  const n = labels.length;
  const c = classes.length;
  if (c < 2 || c > 64) throw badData("classes of gate", "2 to 64 names", `${c}`);
  if (new Set(classes).size !== c) throw badData("classes of gate", "different names", classes.join(", "));
  if (!Number.isSafeInteger(seed) || seed < 0) throw badParameter("seed of gate", "a safe integer, 0 or greater", `${seed}`);
  const positive = policy.floors.positive_class;
  if (policy.floors.average === "positive" && (positive === null || !classes.includes(positive))) {
    throw badParameter("floors.positive_class of the policy", `one of ${classes.join(", ")}`, `${positive}`);
  }
  for (let i = 0; i < n; i++) {
    if ((labels[i] ?? c) >= c) throw badData(`label of gate row ${i}`, `an index below ${c}`, `${labels[i]}`);
  }
  checkProbabilities(input.challenger, "challenger", n, c);
  if (input.champion !== null) checkProbabilities(input.champion, "champion", n, c);
  if (weights !== undefined) {
    checkLength("weights", weights.length, n);
    for (let i = 0; i < n; i++) {
      const weight = weights[i] ?? 0;
      if (!(weight > 0 && Number.isFinite(weight)))
        throw badParameter(`weight of gate row ${i}`, "a positive number", `${weight}`);
    }
  }
  if (groups !== undefined) checkLength("groups", groups.length, n);
  for (const [column, values] of Object.entries(slices ?? {})) checkLength(`slice column ${column}`, values.length, n);
  if (ids !== undefined) checkIds(ids, n);
  if (input.prevalence !== undefined) checkProbabilities(Float64Array.from(input.prevalence), "prevalence", 1, c);
  const level = input.budget?.level;
  if (level !== undefined && !(level >= 0 && level <= 1))
    throw badParameter("budget.level of gate", "a number in [0, 1]", `${level}`);
  return {
    ...input,
    challenger: inOrder(input.challenger, input.challengerClasses, classes, "challenger"),
    champion: input.champion === null ? null : inOrder(input.champion, input.championClasses, classes, "champion"),
  };
}

function checkProbabilities(probabilities: Float64Array, owner: string, n: number, c: number): void {
  if (probabilities.length !== n * c) {
    throw badData(`probabilities of the ${owner}`, `${n} rows x ${c} classes = ${n * c} numbers`, `${probabilities.length}`);
  }
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let k = 0; k < c; k++) {
      const p = probabilities[i * c + k] ?? Number.NaN;
      if (!(p >= 0 && p <= 1 + SUM_TOLERANCE))
        throw badData(`probability of the ${owner} in row ${i}, class ${k}`, "a number in [0, 1]", `${p}`);
      sum += p;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) throw badData(`probabilities of the ${owner} in row ${i}`, "a sum of 1", `${sum}`);
  }
}

function checkIds(ids: readonly string[], n: number): void {
  checkLength("ids", ids.length, n);
  const seen = new Map<string, number>();
  ids.forEach((id, row) => {
    const first = seen.get(id);
    if (first !== undefined) throw badData(`id of gate row ${row}`, "an id that no other row has", `${id}, as row ${first}`);
    seen.set(id, row);
  });
}

function checkLength(owner: string, length: number, n: number): void {
  if (length !== n) throw badData(`${owner} of gate`, `${n} values, one a row`, `${length}`);
}

function inOrder(
  probabilities: Float64Array,
  own: readonly string[] | undefined,
  classes: readonly string[],
  owner: string,
): Float64Array {
  if (own === undefined || own.every((name, k) => name === classes[k])) {
    if (own !== undefined && own.length !== classes.length) throw wrongClasses(owner, own, classes);
    return probabilities;
  }
  const from = classes.map((name) => own.indexOf(name));
  if (own.length !== classes.length || from.includes(-1)) throw wrongClasses(owner, own, classes);
  const c = classes.length;
  return probabilities.map((_, at) => probabilities[at - (at % c) + (from[at % c] ?? 0)] ?? 0);
}

const wrongClasses = (owner: string, own: readonly string[], classes: readonly string[]): RequeenError =>
  badData(`classes of the ${owner}`, `the same names as the gate's (${classes.join(", ")}), in any order`, own.join(", "));

const badData = (what: string, allowed: string, came: string): RequeenError =>
  new RequeenError("bad_data", `${what} must be ${allowed}; got ${came}`, { what });

const badParameter = (what: string, allowed: string, came: string): RequeenError =>
  new RequeenError("bad_parameter", `${what} must be ${allowed}; got ${came}`, { what });
