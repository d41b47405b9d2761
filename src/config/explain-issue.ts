import { z } from "zod";
import { describeType, innerType, typeAt } from "./describe-type.ts";
import { didYouMean } from "./nearest.ts";

/** One thing that is wrong with a value, as a person reads it. */
export interface Problem {
  /** `server.port`; empty = the whole value. */
  readonly key: string;
  /** What is allowed: `must be an integer in [1, 65535]`; or, for an unknown key, that it is unknown, with the nearest. */
  readonly rule: string;
  /** What came, as JSON, shortened. Null where the rule says it already. */
  readonly got: string | null;
  readonly path: readonly PropertyKey[];
}

/** Turns zod's findings on `value` into problems, one for each wrong key. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, value: unknown): Problem[] {
  return issues.flatMap((issue) => explainIssue(issue, schema, value));
}

function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): Problem[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => ({
      key: dotted([...issue.path, key]),
      rule: `is unknown.${didYouMean(key, known)}${known.length > 0 ? ` Known: ${known.join(", ")}` : ""}`,
      got: null,
      path: [...issue.path, key],
    }));
  }
  if (issue.code === "invalid_union") {
    const closest = closestBranch(issue.errors);
    if (closest !== null)
      return closest.flatMap((inner) => explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, schema, value));
  }
  const came = valueAt(value, issue.path);
  const rule = ruleOf(issue, schema);
  // a secret in the wrong place must not get into a log on top of it
  const got = rule.startsWith("is a secret") ? null : came === undefined ? "nothing" : shorten(came);
  return [{ key: dotted(issue.path), rule, got, path: issue.path }];
}

/** Messages that a schema states itself say what the type alone cannot; zod's own begin with these words. */
const ZODS_OWN_WORDS = /^(Invalid|Too|Unrecognized)/;

function ruleOf(issue: z.core.$ZodIssue, schema: z.ZodType): string {
  if (!ZODS_OWN_WORDS.test(issue.message)) return /^(is|must) /.test(issue.message) ? issue.message : `must be ${issue.message}`;
  const type = typeAt(schema, issue.path);
  const allowed = type === null ? null : describeType(type);
  if (allowed !== null) return `must be ${allowed}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.join(", ")}`;
  if (issue.code === "invalid_type") return `must be ${issue.expected}`;
  return issue.message;
}

/** Of a union's branches the one that fits best: findings deep inside rather than at the value itself, no wrong tag, then the fewest. */
function closestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | null {
  const inside = branches.filter(
    (branch) => branch.length > 0 && branch.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys"),
  );
  const misfit = (branch: readonly z.core.$ZodIssue[]): number =>
    branch.length + (branch.some((issue) => issue.code === "invalid_value") ? 100 : 0);
  return inside.toSorted((a, b) => misfit(a) - misfit(b))[0] ?? null;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const type = typeAt(schema, path);
  return type === null ? [] : keysOf(innerType(type));
}

function keysOf(type: z.core.$ZodType): string[] {
  if (type instanceof z.ZodObject) return Object.keys(type.shape);
  return type instanceof z.ZodUnion ? [...new Set(type.options.flatMap((option) => keysOf(innerType(option))))] : [];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}

const dotted = (path: readonly PropertyKey[]): string =>
  path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? String(step) : `.${String(step)}`)).join("");

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
