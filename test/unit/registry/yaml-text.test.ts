import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { yamlText } from "../../../src/registry/yaml-text.ts";

const DOCUMENT = {
  flavors: { onnx: { code: null, data: "model.onnx", providers: ["CPUExecutionProvider"] } },
  classes: ["no", "1:30", "~", "a: b", "- c", "# d", ""],
  dependencies: ["python=3.11", { pip: ["mlflow>=2.9,<4"], name: "x" }, ["nested", ["twice"]]],
  sizes: { "model.onnx": 12_345, half: 0.5, least: -1 },
  empty: { list: [], map: {} },
};

test("the text is what the package `yaml` writes with every text in double quotes", () => {
  const options = { version: "1.1", defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN", lineWidth: 0 } as const;
  expect(yamlText(DOCUMENT)).toBe(stringify(DOCUMENT, options));
});

test("texts come back as they were: quotes, line breaks of every kind, control characters, emoji", () => {
  const texts = [
    '"',
    "\\",
    "a\nb\r\nc",
    " lead",
    "trail ",
    "\u0000\u0007\u001b\u007f",
    "\u0085\u2028\u2029\ufeff",
    "é🐝",
    "a ".repeat(200),
  ];
  expect(parse(yamlText({ texts }), { version: "1.1" })).toEqual({ texts });
  expect(yamlText({ texts }).split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(texts.length + 2);
});

test("a document may be a text, a number or nothing", () => {
  expect(["a", 1, null, [], {}].map(yamlText)).toEqual(['"a"\n', "1\n", "null\n", "[]\n", "{}\n"]);
});
