import { expect, test } from "vitest";
import { extractFeatures } from "../../../src/features/index.ts";
import { rememberedFeatures } from "../../../src/features/remembered.ts";
import { simulatePlans } from "../../../src/loop/simulate.ts";

test("a remembered vector is the extracted one, for each schema, and the caller's own to change", () => {
  for (const plan of simulatePlans({ seed: 4, count: 5 })) {
    for (const schema of ["plan/1", "plan/2"] as const) {
      rememberedFeatures(schema, plan).fill(7);
      expect(rememberedFeatures(schema, plan)).toEqual(extractFeatures(schema, plan));
    }
  }
});
