import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { findCommand, parseLine } from "../../../src/cli/parse.ts";

/** The command lines of a page: those of its shell blocks, and those that runbooks write as `k requeen ...`. */
function linesOf(page: string): string[] {
  const text = readFileSync(new URL(`../../../docs/guide/${page}.md`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block.replaceAll(/\\\n\s*/g, " "));
  const commands = blocks.flatMap((block) => [...block.matchAll(/(?:^|-- |-- env \S+="[^"]*" |npx )\s*requeen ([^|#&\n]*)/gm)]);
  const inline = [...text.matchAll(/`k requeen ([^`]*)`/g)];
  return [...commands, ...inline].map(([, line = ""]) => line.replaceAll(/\s+/g, " ").trim());
}

test.each(["kubernetes", "backup", "monitoring", "runbooks"])(
  "every command line of the page %s is one that Requeen takes",
  async (page) => {
    const lines = linesOf(page);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) {
      const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
      const request = findCommand(words, Object.keys(COMMANDS));
      if (request.kind !== "command") throw new Error(`no command: ${line}`);
      const command = await COMMANDS[request.name]?.load();
      if (command === undefined) throw new Error(`no command: ${line}`);
      expect(() => parseLine(command, request.words), line).not.toThrow();
    }
  },
);
