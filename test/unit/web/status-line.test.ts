import { expect, test } from "vitest";
import type { SpecialistStatus, Status } from "../../../src/loop/status.ts";
import { withLine } from "../../../web/src/api/status-line.ts";

const line = (specialist: string, human_labels: number): SpecialistStatus =>
  ({ specialist, human_labels, machine_labels: 1, new_labels: human_labels, state: "WAIT", champion: null }) as SpecialistStatus;

test("an event's line takes its place and the sums follow; a specialist out of scope does not appear", () => {
  const before = { specialists: [line("a", 1), line("b", 2)], totals: {} } as unknown as Status;
  const after = withLine(before, { ...line("b", 40), state: "READY", champion: { version: "3", data_source: "feedback" } });
  expect(after.totals).toEqual({ human_labels: 41, machine_labels: 2, new_labels: 41, ready: 1, champions: 1 });
  expect(withLine(before, line("c", 9)).specialists).toEqual(before.specialists);
  expect(before.specialists[1]?.human_labels).toBe(2);
});
