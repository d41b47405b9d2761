/** Text as Python prints it, because MLflow's error messages carry printed Python values and its clients' tests match them. */

const escapeAscii = (text: string): string =>
  text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** `json.dumps(value, sort_keys=True, separators=(",", ":"))`. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(",")}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, inner]) => `${pythonJson(key)}:${pythonJson(inner)}`).join(",")}}`;
  }
  return escapeAscii(JSON.stringify(value) ?? "null");
}

/** `json.dumps(value)`: as MLflow writes JSON into its tags. */
export const pythonDumps = (value: unknown): string => escapeAscii(pythonDumpsPlain(value));

/** `json.dumps(value, ensure_ascii=False)`. */
export function pythonDumpsPlain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonDumpsPlain).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return `{${entries.map(([key, inner]) => `${pythonDumpsPlain(key)}: ${pythonDumpsPlain(inner)}`).join(", ")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** `repr(value)` of strings, lists, numbers, booleans and plain objects. */
export function pythonRepr(value: unknown): string {
  if (typeof value === "string") {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const body = value
      .replaceAll("\\", "\\\\")
      .replaceAll("\n", "\\n")
      .replaceAll("\r", "\\r")
      .replaceAll("\t", "\\t")
      .replaceAll(quote, `\\${quote}`);
    return quote + body + quote;
  }
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${pythonRepr(key)}: ${pythonRepr(inner)}`)
      .join(", ")}}`;
  }
  return String(value);
}

/** `repr(value)` of bytes. */
export function pythonBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isPlain = (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
    text += isPlain ? String.fromCharCode(byte) : `\0${byte.toString(16).padStart(2, "0")}`;
  }
  return `b${pythonRepr(text).replaceAll("\0", "\\x")}`;
}

/** `str(x)` of a Python float: 1 prints as 1.0. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return `${value}.0`;
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

/** `type(value).__name__` of a value that came from JSON. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "string":
      return "str";
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    default:
      return "dict";
  }
}
