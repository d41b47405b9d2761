import { z } from "zod";

/** A key of a schema that holds a value and no further keys. */
export interface Leaf {
  /** `server.port` */
  readonly key: string;
  readonly type: z.ZodType;
  readonly summary: string;
  /** Value without a setting; undefined = none. */
  readonly fallback: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** The type inside `optional`, `default`, `nullable` and the input side of conversions. */
export function innerType(type: z.core.$ZodType): z.core.$ZodType {
  if (type instanceof z.ZodOptional || type instanceof z.ZodNullable) return innerType(type.unwrap());
  if (type instanceof z.ZodDefault || type instanceof z.ZodPrefault) return innerType(type.unwrap());
  if (type instanceof z.ZodPipe) return innerType(type.in);
  return type;
}

/** What a value of this type may be, as the end of "must be ...". Null when the type says nothing that a person would understand. */
export function describeType(outer: z.core.$ZodType): string | null {
  const type = innerType(outer);
  const nullable = outer instanceof z.ZodNullable ? " or null" : "";
  const described = describeInner(type);
  return described === null ? null : described + nullable;
}

function describeInner(type: z.core.$ZodType): string | null {
  if (type instanceof z.ZodEnum) return oneOf(type.options);
  if (type instanceof z.ZodLiteral) return oneOf([...type.values]);
  if (type instanceof z.ZodBoolean) return "true or false";
  if (type instanceof z.ZodNumber) return describeNumber(type);
  if (type instanceof z.ZodString) return type.minLength === 1 ? "text, not empty" : "text";
  if (type instanceof z.ZodArray) return listOf(type);
  if (type instanceof z.ZodRecord || type instanceof z.ZodObject) return "a mapping of keys to values";
  if (type instanceof z.ZodUnion) return describeUnion(type);
  return null;
}

function describeNumber(type: z.ZodNumber): string {
  const noun = type.isInt ? "an integer" : "a number";
  const least = bound(type, "greater_than");
  const most = bound(type, "less_than");
  if (least !== null && most !== null)
    return `${noun} in ${least.inclusive ? "[" : "("}${least.value}, ${most.value}${most.inclusive ? "]" : ")"}`;
  if (least !== null) return least.inclusive ? `${noun} of at least ${least.value}` : `${noun} greater than ${least.value}`;
  if (most !== null) return most.inclusive ? `${noun} of at most ${most.value}` : `${noun} less than ${most.value}`;
  return noun;
}

interface Bound {
  readonly value: number;
  readonly inclusive: boolean;
}

/** The bound that was set by a check; zod's own limits of safe integers are none. */
function bound(type: z.ZodNumber, kind: "greater_than" | "less_than"): Bound | null {
  for (const check of type.def.checks ?? []) {
    const definition: { check: string; value?: unknown; inclusive?: unknown } = check._zod.def;
    if (definition.check !== kind || typeof definition.value !== "number") continue;
    if (Math.abs(definition.value) >= Number.MAX_SAFE_INTEGER) continue;
    return { value: definition.value, inclusive: definition.inclusive === true };
  }
  return null;
}

function listOf(type: z.ZodArray): string {
  const element = innerType(type.element);
  const least = leastLength(type);
  const many = least === null ? "a list" : `a list of at least ${least}`;
  return element instanceof z.ZodEnum ? `${many}${least === null ? " of " : ", each "}${oneOf(element.options)}` : many;
}

function leastLength(type: z.ZodArray): number | null {
  for (const check of type.def.checks ?? []) {
    const definition: { check: string; minimum?: unknown } = check._zod.def;
    if (definition.check === "min_length" && typeof definition.minimum === "number") return definition.minimum;
  }
  return null;
}

function describeUnion(type: z.ZodUnion): string | null {
  const parts = type.options.map(describeType);
  return parts.every((part) => part !== null) ? [...new Set(parts)].join(", or ") : null;
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

/** The type that stands at a path of an object schema; null where the path leaves the schema. Of a union, the first branch that has the path. */
export function typeAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | null {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  const type = innerType(schema);
  if (type instanceof z.ZodObject) {
    const next: z.core.$ZodType | undefined = type.shape[String(step)];
    return next === undefined ? null : typeAt(next, rest);
  }
  if (type instanceof z.ZodArray) return typeAt(type.element, rest);
  if (type instanceof z.ZodRecord) return typeAt(type.valueType, rest);
  if (type instanceof z.ZodUnion)
    return type.options.map((option) => typeAt(option, path)).find((found) => found !== null) ?? null;
  return null;
}

/** All leaves of an object schema, in its order; objects inside are opened, lists and records are leaves. */
export function leavesOf(schema: z.ZodObject, prefix = ""): Leaf[] {
  return Object.entries(schema.shape).flatMap(([name, type]: [string, z.core.$ZodType]) => {
    const inside = innerType(type);
    if (inside instanceof z.ZodObject) return leavesOf(inside, `${prefix}${name}.`);
    if (!(type instanceof z.ZodType)) return [];
    const meta = z.globalRegistry.get(type) ?? {};
    const fallback = type.safeParse(undefined);
    return [
      {
        key: `${prefix}${name}`,
        type,
        summary: typeof meta.description === "string" ? meta.description : "",
        fallback: fallback.success ? fallback.data : undefined,
        meta,
      },
    ];
  });
}
