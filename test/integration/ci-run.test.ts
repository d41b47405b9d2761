import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

/** .ci/run over a project whose parts end as the test says: what it counts, and what it must never count as passed. */
const script = join(import.meta.dirname, "..", "..", ".ci", "run");
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-ci-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** @param parts shell commands of `npm run check`, `npm test` and of each interop suite */
function runCi(parts: {
  check: string;
  test: string;
  interop: Readonly<Record<string, string>>;
  /** Of suites that have a prepare.sh. */
  prepare?: Readonly<Record<string, string>>;
}): Promise<{ code: number; last: string; text: string }> {
  mkdirSync(join(folder, ".ci"));
  cpSync(script, join(folder, ".ci", "run"));
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "fake", scripts: { check: parts.check, test: parts.test } }),
  );
  for (const [name, command] of Object.entries(parts.interop)) {
    mkdirSync(join(folder, "test", "interop", name), { recursive: true });
    writeFileSync(join(folder, "test", "interop", name, "run.sh"), command);
  }
  for (const [name, command] of Object.entries(parts.prepare ?? {}))
    writeFileSync(join(folder, "test", "interop", name, "prepare.sh"), command);
  return new Promise((resolve) => {
    execFile("bash", [join(folder, ".ci", "run")], { cwd: tmpdir() }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, last: stdout.trimEnd().split("\n").at(-1) ?? "", text: stdout + stderr });
    });
  });
}

test("the last line is the sum of all parts; nothing failed: exit code 0", async () => {
  const { code, last } = await runCi({
    check: "echo 7 passed, 0 failed",
    test: "printf '1 passed, 0 failed\\n\\033[32m1200 passed, 0 failed, 3 skipped\\033[0m\\n'",
    interop: { one: "echo 5 passed, 0 failed", two: "cat; echo 2 passed, 0 failed" },
  });
  expect(last).toBe("1214 passed, 0 failed");
  expect(code).toBe(0);
});

test("a failed test fails the whole, and the parts after it still run", async () => {
  const { code, last, text } = await runCi({
    check: "echo not ok - the arrow points up; echo 6 passed, 1 failed; exit 1",
    test: "echo 10 passed, 2 failed; exit 1",
    interop: { one: "echo 5 passed, 0 failed" },
  });
  expect(last).toBe("21 passed, 3 failed");
  const [, end = ""] = text.split("### check failed");
  expect(end, "the end says once more what failed").toMatch(/not ok - the arrow points up.*### test failed/s);
  expect(end).toMatch(/### all parts\ncheck: 6 passed, 1 failed, \d+ s\ntest: 10 passed, 2 failed, \d+ s\n/);
  expect(code).toBe(1);
});

test("a part that ends without its line, or with an exit code that its line does not explain, counts as a failure", async () => {
  const { code, last, text } = await runCi({
    check: "echo all good",
    test: "echo 10 passed, 0 failed; exit 3",
    interop: { crash: "kill -9 $$" },
  });
  expect(last).toBe("10 passed, 3 failed");
  expect(text).toContain("check ended without its line");
  expect(text).toContain("test ended with exit code 3");
  expect(code).toBe(1);
});

test("what suites would wait for is made beside the first parts, and those suites come last", async () => {
  const made = 'made=$(dirname "$0")/made';
  const { code, last, text } = await runCi({
    check: "sleep 1; echo 1 passed, 0 failed",
    test: "echo 1 passed, 0 failed",
    interop: {
      a_slow: `${made}; [ -e "$made" ] && echo 1 passed, 0 failed`,
      b_quick: "echo 1 passed, 0 failed",
      c_broken: "echo 1 passed, 0 failed",
    },
    prepare: { a_slow: `${made}; touch "$made"`, c_broken: "exit 1" },
  });
  expect([...text.matchAll(/^=== (.*)$/gm)].map((match) => match[1])).toEqual([
    "check",
    "test",
    "test/interop/b_quick",
    "test/interop/a_slow",
    "test/interop/c_broken",
  ]);
  expect(last).toBe("5 passed, 0 failed");
  expect(code).toBe(0);
});
