import type { SpecialistStatus, Status } from "../../../src/loop/status.ts";

/** The status with the line of one specialist as an event told it, and the sums that follow. A specialist that is not in sight stays out. */
export function withLine(status: Status, line: SpecialistStatus): Status {
  const specialists = status.specialists.map((one) => (one.specialist === line.specialist ? line : one));
  const sum = (value: (one: SpecialistStatus) => number): number => specialists.reduce((total, one) => total + value(one), 0);
  return {
    ...status,
    specialists,
    totals: {
      ...status.totals,
      human_labels: sum((one) => one.human_labels),
      machine_labels: sum((one) => one.machine_labels),
      new_labels: sum((one) => one.new_labels),
      ready: sum((one) => Number(one.state === "READY")),
      champions: sum((one) => Number(one.champion !== null)),
    },
  };
}
