/**
 * Builds the *.as of src/engine/kernels, as one AssemblyScript file, into src/engine/kernels/wasm-bytes.ts: `npx node scripts/build-kernels.ts`.
 * A test compares the checked-in file with a fresh build.
 */
import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const FOLDER = new URL("../src/engine/kernels/", import.meta.url);
/** In this order they are one file: what a part uses stands in a part before it. */
const PARTS = [
  "common.as",
  "boosting.as",
  "forest.as",
  "forest-categories.as",
  "forest-units.as",
  "forest-packed.as",
  "forest-weighted.as",
  "perceptron.as",
  "perceptron-parts.as",
  "columns.as",
  "trees.as",
  "masks.as",
  "shap.as",
];
const OUTPUT = new URL("../src/engine/kernels/wasm-bytes.ts", import.meta.url);

/** The text of wasm-bytes.ts as the source of today gives it. */
export async function buildKernels(): Promise<string> {
  const files = new Map([
    ["kernels.ts", PARTS.map((part) => withWidths(readFileSync(new URL(part, FOLDER), "utf8"))).join("\n")],
  ]);
  let binary: Uint8Array | undefined;
  const options = [
    "kernels.ts",
    "-o",
    "kernels.wasm",
    "-O3",
    "--noAssert",
    "--runtime",
    "stub",
    "--importMemory",
    "--enable",
    "simd,bulk-memory",
  ];
  const { error, stderr } = await asc.main(options, {
    readFile: (name: string) => files.get(name) ?? null,
    writeFile: (name: string, contents: string | Uint8Array) => {
      if (name === "kernels.wasm" && typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`AssemblyScript refused the kernels:\n${stderr.toString()}`);
  const lines =
    Buffer.from(binary)
      .toString("base64")
      .match(/.{1,110}/g) ?? [];
  return [
    "/** The *.as beside this file, compiled by scripts/build-kernels.ts: WebAssembly as base64. Do not edit. */",
    "export const WASM_BASE64 = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ].join("\n");
}

const WIDTHS = Array.from({ length: 13 }, (_, i) => i + 1);

/** See perceptron-parts.as: lines from "// for N" to "// end" once for every width, those with $i there once for every i below it. */
function withWidths(source: string): string {
  return source.replace(/^\/\/ for N\n(.*?)^\/\/ end\n/gms, (_, block: string) =>
    WIDTHS.map((width) =>
      block.replace(/^.*\n/gm, (line) => {
        const copies = line.includes("$i") ? width : 1;
        return Array.from({ length: copies }, (_, i) => line.replaceAll("$i", String(i)).replaceAll("$N", String(width))).join(
          "",
        );
      }),
    ).join(""),
  );
}

if (process.argv[1] !== undefined && import.meta.url.endsWith(process.argv[1].replaceAll("\\", "/").split("/").at(-1) ?? " ")) {
  writeFileSync(OUTPUT, await buildKernels());
}
