import { describe, expect, it } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { checkPlan, MAX_TASKS, readPlan, writePlan } from "../../../src/core/plan.ts";

const task = (task_id: string, dependencies: string[] = [], rest: object = {}) => ({
  task_id,
  task_type: "query",
  dependencies,
  ...rest,
});
const plan = (tasks: unknown[], rest: object = {}) => ({ plan_id: "p-1", tasks, ...rest });

function refusal(read: () => unknown) {
  try {
    read();
  } catch (error) {
    if (isRequeenError(error, "bad_plan")) return error;
    throw error;
  }
  throw new Error("the plan was not refused");
}

describe("readPlan", () => {
  it("reads a plan of which only the id and one task are known, and invents nothing", () => {
    const read = readPlan(plan([task("a")]));
    expect(read.tasks[0]).toMatchObject({
      task_id: "a",
      description: "",
      estimated_duration_ms: null,
      required_capabilities: [],
    });
    expect(read).toMatchObject({ intent_id: null, risk_band: null, risk_matrix: null, created_at: null, original_domain: null });
    expect(read.risk_score).toBeUndefined();
    expect(read.complexity_score).toBeUndefined();
  });

  it("tells a null risk from an absent one", () => {
    expect(readPlan(plan([task("a")], { risk_score: null })).risk_score).toBeNull();
  });

  it("reads Avro's JSON form: branches of unions, milliseconds, upper-case enum values", () => {
    const read = readPlan(
      plan([task("a", [], { estimated_duration_ms: { long: 1500 } })], {
        correlation_id: { string: "c-9" },
        estimated_total_duration_ms: { long: 1500 },
        risk_matrix: { map: { BUSINESS: 0.4 } },
        approval_status: { "br.com.ApprovalStatus": "PENDING" },
        risk_band: "HIGH",
        created_at: 1_770_552_000_000,
        valid_until: { long: 1_770_552_001_000 },
        approved_at: null,
      }),
    );
    expect(read.tasks[0]?.estimated_duration_ms).toBe(1500);
    expect(read).toMatchObject({ correlation_id: "c-9", estimated_total_duration_ms: 1500, risk_matrix: { BUSINESS: 0.4 } });
    expect(read).toMatchObject({ approval_status: "pending", risk_band: "high", approved_at: null });
    expect(read.created_at).toBe(1_770_552_000_000);
    expect(read.valid_until).toBe(1_770_552_001_000);
  });

  it("keeps a risk matrix of one area as it is, even one called map", () => {
    expect(readPlan(plan([task("a")], { risk_matrix: { SECURITY: 0.2 } })).risk_matrix).toEqual({ SECURITY: 0.2 });
    expect(readPlan(plan([task("a")], { risk_matrix: { map: 0.2 } })).risk_matrix).toEqual({ map: 0.2 });
  });

  it.each([
    { form: "Python's form without a zone", created_at: "2026-02-08T12:00:00" },
    { form: "with a space and microseconds", created_at: "2026-02-08 12:00:00.000000" },
    { form: "in another zone", created_at: "2026-02-08T09:00:00-03:00" },
    { form: "MongoDB's extended JSON", created_at: { $date: "2026-02-08T12:00:00Z" } },
    { form: "MongoDB's canonical extended JSON", created_at: { $date: { $numberLong: "1770552000000" } } },
  ])("reads a time $form", ({ created_at }) => {
    expect(readPlan(plan([task("a")], { created_at })).created_at).toBe(Date.UTC(2026, 1, 8, 12));
  });

  it("keeps fields that the schema does not name in extra, and writes what it read", () => {
    const read = readPlan(plan([task("a", [], { owner: "ops" })], { intent_text: "clean up", created_at: 0 }));
    expect(read.extra).toEqual({ intent_text: "clean up" });
    expect(read.tasks[0]?.extra).toEqual({ owner: "ops" });
    const document = writePlan(read);
    expect(document.created_at).toBe("1970-01-01T00:00:00.000Z");
    expect(readPlan(JSON.parse(JSON.stringify(document)))).toEqual(read);
  });

  it("treats hostile ids and keys as plain names", () => {
    const document = JSON.parse(
      '{"plan_id":"__proto__","tasks":[{"task_id":"__proto__","task_type":"constructor"},{"task_id":"toString","task_type":"x","dependencies":["__proto__"]}],"__proto__":{"polluted":1}}',
    );
    const read = readPlan(document);
    expect(read.tasks.map((step) => step.task_id)).toEqual(["__proto__", "toString"]);
    expect(Object.getPrototypeOf({})).toHaveProperty("hasOwnProperty");
    expect("polluted" in {}).toBe(false);
  });

  it.each([
    [null, /a plan must be an object; got null/],
    [[], /a plan must be an object; got \[\]/],
    [plan([]), /a plan needs at least one task; got \[\]/],
    [plan([task("a", [], { estimated_duration_ms: -4 })]), /estimated_duration_ms of task "a" in plan "p-1".*got -4/],
    [plan([task("a", [], { estimated_duration_ms: Number.NaN })]), /estimated_duration_ms of task "a".*got NaN/],
    [plan([task("a", [], { estimated_duration_ms: Number.POSITIVE_INFINITY })]), /of task "a".*got Infinity/],
    [plan([task("a", [], { estimated_duration_ms: "soon" })]), /of task "a".*got "soon"/],
    [plan([task("a")], { risk_score: 1.2 }), /risk_score of plan "p-1".*got 1.2/],
    [plan([task("a")], { risk_score: -0.1 }), /risk_score of plan "p-1".*got -0.1/],
    [plan([task("a")], { risk_matrix: { BUSINESS: -1 } }), /risk_matrix.BUSINESS of plan "p-1".*got -1/],
    [plan([task("a"), task("b", ["zz"])]), /task "b" depends on "zz", which no task has/],
    [plan([task("a"), task("a")]), /task id "a" is used twice/],
    [plan([task("a", ["a"])]), /cycle, a -> a,/],
    [plan([task("x"), task("a", ["c", "x"]), task("b", ["a"]), task("c", ["b"])]), /cycle, a -> c -> b -> a,/],
    [{ plan_id: "p", tasks: [{ task_type: "x" }] }, /task_id.*got undefined/],
  ])("refuses %j", (document, message) => {
    expect(refusal(() => readPlan(document)).message).toMatch(message);
  });

  it("names the cycle in the details, without the tasks that merely wait for it", () => {
    const error = refusal(() => readPlan(plan([task("late", ["b"]), task("a", ["b"]), task("b", ["a"])])));
    const cycle = error.details.cycle;
    expect(Array.isArray(cycle) && [...cycle].sort()).toEqual(["a", "b"]);
  });

  it("shortens a long cycle and a long value in the message", () => {
    const ring = Array.from({ length: 40 }, (_, place) => task(`t${place}`, [`t${(place + 1) % 40}`]));
    const message = refusal(() => readPlan(plan(ring))).message;
    expect(message).toContain("(28 more)");
    expect(
      refusal(() => readPlan(plan([task("a", [], { estimated_duration_ms: "x".repeat(10_000) })]))).message.length,
    ).toBeLessThan(300);
  });

  it("reads a chain and a cycle of thousands of tasks", () => {
    const chain = Array.from({ length: MAX_TASKS }, (_, place) => task(`t${place}`, place > 0 ? [`t${place - 1}`] : []));
    expect(readPlan(plan(chain)).tasks.length).toBe(MAX_TASKS);
    expect(refusal(() => readPlan(plan([...chain.slice(1), task("t0", [`t${MAX_TASKS - 1}`])]))).details.cycle).toHaveLength(
      MAX_TASKS,
    );
    expect(refusal(() => readPlan(plan([...chain, task("more")]))).message).toContain("tasks of plan");
  });
});

describe("checkPlan", () => {
  it("refuses numbers that a plan made by code, not read from a document, may hold", () => {
    const made = readPlan(plan([task("a")]));
    const [first] = made.tasks;
    expect(refusal(() => checkPlan({ ...made, tasks: [{ ...first, estimated_duration_ms: -1 }] })).message).toContain(
      'of task "a"',
    );
    expect(refusal(() => checkPlan({ ...made, complexity_score: Number.NaN })).message).toContain("complexity_score");
    expect(refusal(() => checkPlan({ ...made, tasks: [] })).message).toContain("at least one task");
  });

  it("counts a dependency that is named twice once", () => {
    expect(() => checkPlan(readPlan(plan([task("a"), task("b", ["a", "a"])])))).not.toThrow();
  });
});
