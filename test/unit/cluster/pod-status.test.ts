import { expect, test } from "vitest";
import { readReport } from "../../../src/cluster/pod-status.ts";

const cases: readonly [body: unknown, modelLoaded: unknown, reported: string | null][] = [
  [{ model_loaded: true, model_version: "3" }, true, "3"],
  [{ model_loaded: true, model_version: 3 }, true, "3"],
  [{ model_loaded: true, version: "v3" }, true, "3"],
  // the program's own version stands beside the model's
  [{ version: "1.0.7", model_loaded: true, details: { model_version: "3" } }, true, "3"],
  [{ version: "1.0.7", model: { loaded: true, version: "3" } }, true, "3"],
  [{ status: "healthy", details: { model_loaded: "true", model: { version: "3" } } }, "true", "3"],
  [{ status: "healthy" }, undefined, null],
];

for (const [body, modelLoaded, reported] of cases)
  test(`a pod says ${JSON.stringify(body)}`, () => expect(readReport(JSON.stringify(body))).toEqual({ modelLoaded, reported }));

test("what is no JSON object says nothing", () => {
  for (const text of ["", "ok", "[]", "null", "3"]) expect(readReport(text)).toBeNull();
});
