import { describe, expect, test } from "vitest";
import { decideTrigger, POLICY_PRESETS, type TriggerState } from "../../../src/decide/index.ts";

const policy = POLICY_PRESETS.evidence;
const HOUR_MS = 3_600_000;
const idle: TriggerState = {
  newLabels: 100,
  evidenceKey: "abc",
  usedEvidenceKeys: new Set(),
  runActive: false,
  lastRunStartedMs: null,
  lastDecision: null,
  failures: 0,
  lastFailureMs: null,
  blockedBy: null,
};

describe("decideTrigger", () => {
  test("the threshold of new human labels fires, one less waits and says how many are missing", () => {
    expect(decideTrigger(idle, policy, 0)).toMatchObject({ state: "READY", cause: "evidence" });
    const waiting = decideTrigger({ ...idle, newLabels: 99 }, policy, 0);
    expect(waiting.state).toBe("WAIT");
    expect(waiting.reasons[0]?.sentence).toBe("99 new human labels of 100; 1 more is needed.");
  });

  test("one evidence set never fires twice", () => {
    expect(decideTrigger({ ...idle, usedEvidenceKeys: new Set(["abc"]) }, policy, 0)).toMatchObject({
      state: "WAIT",
      reasons: [{ code: "evidence_used" }],
    });
  });

  test("cooldown and back-off wait until a stated time; back-off doubles and has a limit", () => {
    const cooling = decideTrigger({ ...idle, lastRunStartedMs: 0 }, policy, HOUR_MS);
    expect(cooling).toMatchObject({ state: "WAIT", retryAtMs: 24 * HOUR_MS });
    expect(decideTrigger({ ...idle, lastRunStartedMs: 0 }, policy, 24 * HOUR_MS).state).toBe("READY");
    const failedThrice = { ...idle, failures: 3, lastFailureMs: 0 };
    expect(decideTrigger(failedThrice, policy, 1).retryAtMs).toBe(4 * HOUR_MS);
    expect(decideTrigger({ ...failedThrice, failures: 1_000 }, policy, 1).retryAtMs).toBe(7 * 24 * HOUR_MS);
  });

  test("unusable labels and a disabled policy block; a person passes the second only", () => {
    expect(decideTrigger({ ...idle, blockedBy: "echoed labels" }, policy, 0)).toMatchObject({ state: "BLOCKED" });
    const off = { ...policy, trigger: { ...policy.trigger, enabled: false } };
    expect(decideTrigger(idle, off, 0).state).toBe("BLOCKED");
    expect(decideTrigger({ ...idle, requestedBy: "ana" }, off, 0)).toMatchObject({ state: "READY", cause: "person" });
    expect(decideTrigger({ ...idle, blockedBy: "echoed labels", requestedBy: "ana" }, policy, 0).state).toBe("BLOCKED");
  });

  test("drift, schedule and persons do not start a run that would be refused for its size", () => {
    for (const signal of [{ driftSignal: true }, { scheduleDue: true }, { requestedBy: "ana" }]) {
      const few = decideTrigger({ ...idle, ...signal, newLabels: 10 }, policy, 0);
      expect(few.state).toBe("WAIT");
      expect(few.reasons.map((reason) => reason.code)).toEqual(["gate_rows", "training_rows"]);
      expect(decideTrigger({ ...idle, ...signal, newLabels: 80 }, policy, 0).state).toBe("READY");
    }
  });

  test("labels picked with unequal chances count what they are worth", () => {
    const waiting = decideTrigger({ ...idle, newLabels: 87, newJudgements: 130 }, policy, 0);
    expect(waiting.state).toBe("WAIT");
    expect(waiting.reasons[0]?.sentence).toBe(
      "130 new human labels, worth 87 picked by plain chance, of 100; 13 more are needed.",
    );
    expect(decideTrigger({ ...idle, newLabels: 100, newJudgements: 150 }, policy, 0).state).toBe("READY");
  });

  test("drift below the raised threshold is the cause, not the evidence that did not suffice", () => {
    const careful = { ...policy, trigger: { ...policy.trigger, hysteresis: 0.2 } };
    const state: TriggerState = { ...idle, newLabels: 110, lastDecision: "reject" };
    expect(decideTrigger({ ...state, driftSignal: true }, careful, 0)).toMatchObject({ state: "READY", cause: "drift" });
    expect(decideTrigger({ ...state, newLabels: 120, driftSignal: true }, careful, 0)).toMatchObject({ cause: "evidence" });
  });

  test("a run under way is RUNNING", () => {
    expect(decideTrigger({ ...idle, runActive: true }, policy, 0).state).toBe("RUNNING");
  });

  test("hysteresis asks for more after a verdict without promotion", () => {
    const careful = { ...policy, trigger: { ...policy.trigger, hysteresis: 0.2 } };
    expect(decideTrigger({ ...idle, lastDecision: "reject" }, careful, 0).state).toBe("WAIT");
    expect(decideTrigger({ ...idle, lastDecision: "promote" }, careful, 0).state).toBe("READY");
    expect(decideTrigger({ ...idle, lastDecision: "reject", newLabels: 120 }, careful, 0).state).toBe("READY");
  });
});
