import { pythonFloat } from "./python-text.ts";

/** JSON as Python reads it: 1.0 stays a float, 1 an integer of any size. For texts that MLflow stores and hashes. */
export class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  toJSON(): object {
    return JSON.rawJSON(pythonFloat(this.value));
  }
}

/** @throws SyntaxError for what is no JSON. */
export function readPythonJson(source: string): unknown {
  return JSON.parse(source, (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number") return value;
    const digits = context?.source ?? String(value);
    if (!/^-?\d+$/.test(digits)) return new PythonFloat(value);
    return Number.isSafeInteger(value) ? value : BigInt(digits);
  });
}

/** `json.dumps(value, sort_keys=...)` of a value that `readPythonJson` gave. */
export function writePythonJson(value: unknown, options: { readonly sortKeys?: boolean } = {}): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => writePythonJson(item, options)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    if (options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, inner]) => `${writePythonJson(key)}: ${writePythonJson(inner, options)}`).join(", ")}}`;
  }
  return (JSON.stringify(value) ?? "null").replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `type(value).__name__`, in the words of JSON Schema, but for floats. */
export function jsonTypeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (value instanceof PythonFloat) return "float";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    case "number":
    case "bigint":
      return "integer";
    default:
      return "object";
  }
}
