import { RequeenError } from "../core/errors.ts";

/**
 * One documented parameter of a learner: the table is the truth for checks, defaults, types and docs/guide/engine.md.
 * `onlyIfSet`: models leave it out while it is the default, as those did that were trained before it was there.
 */
export type ParameterSpec = { onlyIfSet?: true } & ParameterKind;
type ParameterKind =
  | { kind: "integer" | "number"; min: number; max: number; default: number; orNull?: false; peer: string; meaning: string }
  | { kind: "integer" | "number"; min: number; max: number; default: number | null; orNull: true; peer: string; meaning: string }
  | { kind: "boolean"; default: boolean; peer: string; meaning: string }
  | { kind: "choice"; choices: readonly string[]; default: string; peer: string; meaning: string }
  | { kind: "features"; max: number; default: readonly number[]; peer: string; meaning: string }
  | {
      kind: "sizes";
      min: number;
      max: number;
      shortest: number;
      longest: number;
      default: readonly number[];
      peer: string;
      meaning: string;
    }
  | {
      kind: "choiceOrNumber";
      choices: readonly string[];
      min: number;
      max: number;
      default: string | number;
      peer: string;
      meaning: string;
    };

export type ParameterTable = Readonly<Record<string, ParameterSpec>>;

type ValueOf<S> = S extends { kind: "boolean" }
  ? boolean
  : S extends { kind: "sizes" }
    ? readonly number[]
    : S extends { kind: "features" }
      ? readonly (number | string)[]
      : S extends { kind: "choice"; choices: readonly (infer C)[] }
        ? C
        : S extends { kind: "choiceOrNumber"; choices: readonly (infer C)[] }
          ? C | number
          : S extends { orNull: true }
            ? number | null
            : number;

/** All parameters of a table with their values. */
export type Resolved<T extends ParameterTable> = { readonly [K in keyof T]: ValueOf<T[K]> };
/** What a caller writes: any subset. */
export type Given<T extends ParameterTable> = { readonly [K in keyof T]?: ValueOf<T[K]> };

/** A parameter's value as it is written into a model's header. */
export type ParameterValue = number | string | boolean | null | readonly (number | string)[];

/**
 * The given values over the defaults, checked.
 * @param owner name of the learner, for messages.
 * @throws bad_parameter for an unknown name (with the nearest known one) or a value out of its range.
 */
export function resolveParameters<T extends ParameterTable>(table: T, given: object, owner: string): Resolved<T> {
  const resolved: Record<string, ParameterValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !Object.hasOwn(table, name)) {
      throw new RequeenError("bad_parameter", `${owner} has no parameter ${name}; it has ${Object.keys(table).join(", ")}`, {
        name,
      });
    }
  }
  for (const [name, spec] of Object.entries(table)) {
    const value = Object.hasOwn(given, name) ? (given as Record<string, unknown>)[name] : undefined;
    resolved[name] = value === undefined ? spec.default : checkValue(name, value, spec, owner);
  }
  return resolved as Resolved<T>; // every key of the table was written above, each checked against its spec
}

function checkValue(name: string, value: unknown, spec: ParameterSpec, owner: string): ParameterValue {
  if (value === null && "orNull" in spec && spec.orNull === true) return null;
  if (typeof value === "boolean" && spec.kind === "boolean") return value;
  if (spec.kind === "sizes" && Array.isArray(value) && value.length >= spec.shortest && value.length <= spec.longest) {
    const sizes: unknown[] = value;
    const counts = sizes.filter(
      (size): size is number => Number.isInteger(size) && Number(size) >= spec.min && Number(size) <= spec.max,
    );
    if (counts.length === sizes.length) return counts;
  }
  if (spec.kind === "features" && Array.isArray(value)) {
    const features: unknown[] = value;
    const known = features.filter(
      (feature): feature is number | string =>
        typeof feature === "string" || (Number.isInteger(feature) && Number(feature) >= 0 && Number(feature) <= spec.max),
    );
    if (known.length === features.length && new Set(known).size === known.length) return known;
  }
  if (typeof value === "string" && "choices" in spec && spec.choices.includes(value)) return value;
  if (typeof value === "number" && "min" in spec && spec.kind !== "sizes" && value >= spec.min && value <= spec.max) {
    if (spec.kind === "number") return value;
    if (Number.isInteger(value) && (spec.kind === "integer" || value > 0)) return value;
    if (spec.kind === "choiceOrNumber" && value > 0 && value < 1) return value;
  }
  throw new RequeenError(
    "bad_parameter",
    `${name} of ${owner} must be ${describeRange(spec)}; got ${JSON.stringify(value) ?? String(value)}`,
    { name },
  );
}

/** The parameters as a model holds them: all, but for those that are `onlyIfSet` and are not. */
export const modelParameters = (
  table: ParameterTable,
  params: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> =>
  Object.fromEntries(
    Object.entries(params).filter(([name, value]) => {
      const spec = table[name];
      return spec?.onlyIfSet !== true || JSON.stringify(value) !== JSON.stringify(spec.default);
    }),
  );

/** What a parameter allows, in words: for messages and the guide. */
export function describeRange(spec: ParameterSpec): string {
  if (spec.kind === "boolean") return "true or false";
  if (spec.kind === "sizes") return `a list of ${spec.shortest} to ${spec.longest} integers in [${spec.min}, ${spec.max}]`;
  if (spec.kind === "features") return `a list of different integers in [0, ${spec.max}] or names of features`;
  if (spec.kind === "choice") return `one of ${spec.choices.join(", ")}`;
  if (spec.kind === "choiceOrNumber")
    return `one of ${spec.choices.join(", ")}, a share in (0, 1) or an integer in [1, ${spec.max}]`;
  return `${spec.kind === "integer" ? "an integer" : "a number"} in [${spec.min}, ${spec.max}]${spec.orNull === true ? " or null" : ""}`;
}
