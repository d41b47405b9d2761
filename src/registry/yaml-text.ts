/** What a document may hold. Keys stand as they are: they must be words, file names or the like. */
export type YamlValue = string | number | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/**
 * A YAML document in block form. Python reads YAML 1.1, where a bare `no` is false and `1:30` is a number of minutes: texts stand in double
 * quotes, where YAML's escapes are JSON's. No package for it: `yaml` has 84 modules, which every command that knows models would load.
 */
export const yamlText = (document: YamlValue): string => `${isNested(document) ? block(document, "") : scalar(document)}\n`;

type Nested = Exclude<YamlValue, string | number | null>;

/** An empty list or map is written in one line, as a scalar is. */
const isNested = (value: YamlValue): value is Nested =>
  typeof value === "object" && value !== null && Object.keys(value).length > 0;
const isList = (value: Nested): value is readonly YamlValue[] => Array.isArray(value);

/** The lines of a list or a map, each behind `indent`. */
function block(value: Nested, indent: string): string {
  const deeper = `${indent}  `;
  const lines = isList(value)
    ? value.map((item) => `- ${isNested(item) ? block(item, deeper).trimStart() : scalar(item)}`)
    : Object.entries(value).map(([key, item]) => `${key}:${isNested(item) ? `\n${block(item, deeper)}` : ` ${scalar(item)}`}`);
  return lines.map((line) => indent + line).join("\n");
}

/** JSON leaves characters as they are that YAML takes for line breaks or does not allow: escaped as well. */
const scalar = (value: YamlValue): string =>
  JSON.stringify(value).replace(
    /[\p{Cc}\u2028\u2029\ufeff]/gu,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
