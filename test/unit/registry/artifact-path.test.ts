import { normalize } from "node:path/posix";
import fc from "fast-check";
import { expect, test } from "vitest";
import { appendPath } from "../../../src/registry/artifact-client.ts";
import { encodeArtifactPath, requireArtifactFolder, requireArtifactPath } from "../../../src/registry/artifact-path.ts";

test.each(["a", "a/b.txt", "a b/ü (1)", "100%", "50%25", "..a", "a..", "model/data/x", ".hidden", "a+b=c&d", "C"])(
  "%s is taken",
  (path) => {
    expect(requireArtifactPath(path)).toBe(path);
  },
);

test.each([
  "",
  ".",
  "..",
  "../a",
  "a/..",
  "a/../b",
  "/a",
  "a//b",
  "a/",
  "./a",
  "a\\b",
  "..\\a",
  "a#b",
  "a\0b",
  "a\nb",
  "C:/a",
  "c:a",
  "%2e%2e/a",
  "%252e%252e%252fa",
  "a%2fb",
  "%2Fetc",
  "a%5cb",
  "a%00",
  "a".repeat(1_025),
])("%j is refused", (path) => {
  expect(() => requireArtifactPath(path)).toThrow("an artifact's path must be relative");
});

test("a path that is taken stays inside its root, however often a server decodes it", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "%2e", "%2e%2e", "%2f", "%252f", "\\", "a", ""), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      let path = parts.join("/");
      try {
        requireArtifactPath(path);
      } catch {
        return;
      }
      for (let round = 0; round < 5; round++) {
        expect(normalize(`/root/${path}`).startsWith("/root/")).toBe(true);
        expect(path).not.toContain("\\");
        try {
          path = decodeURIComponent(path);
        } catch {
          break;
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test("the root itself is a folder, and no file", () => {
  expect(requireArtifactFolder("")).toBe("");
  expect(() => requireArtifactFolder("..")).toThrow();
});

test("parts are encoded for requests and file: addresses, separators are not", () => {
  expect(encodeArtifactPath("a b/ü?/100%")).toBe("a%20b/%C3%BC%3F/100%25");
  expect(appendPath("mlflow-artifacts:/1/r/artifacts/", "a b/c")).toBe("mlflow-artifacts:/1/r/artifacts/a b/c");
  expect(appendPath("file:///srv/mlruns", "a b/c")).toBe("file:///srv/mlruns/a%20b/c");
  expect(appendPath("/srv/mlruns", "a b/c")).toBe("/srv/mlruns/a b/c");
});
