import { MongoNetworkError, MongoNetworkTimeoutError, MongoServerError } from "mongodb";
import { beforeEach, describe, expect, test } from "vitest";
import { RequeenError } from "../../../src/core/errors.ts";
import { CircuitBreaker, type Weight } from "../../../src/store/mongo/circuit-breaker.ts";
import { translateMongoError, weightOf } from "../../../src/store/mongo/mongo-errors.ts";

const PAUSE_MS = 2_000;

class Failure extends Error {
  readonly weight: Weight;
  constructor(weight: Weight) {
    super(weight);
    this.weight = weight;
  }
}

let nowMs = 0;
let asked = 0;
let breaker: CircuitBreaker;
beforeEach(() => {
  [nowMs, asked] = [0, 0];
  const options = { failures: 3, pauseMs: PAUSE_MS, nowMs: () => nowMs, place: "host:1/db" };
  breaker = new CircuitBreaker(options, (error) => (error as Failure).weight);
});

const call = (weight: Weight | null): Promise<string> =>
  breaker.run(async () => {
    asked += 1;
    if (weight !== null) throw new Failure(weight);
    return "answer";
  });
/** @returns what the call said: `answer`, a failure's weight, or the code of a refusal. */
const said = (weight: Weight | null): Promise<string> =>
  call(weight).catch((error: Error) => (error instanceof RequeenError ? error.code : error.message));

describe("circuit breaker", () => {
  test("opens after so many moments' failures in a row, then fails at once without asking, and says when to come again", async () => {
    for (const weight of ["moment", "moment", null, "moment", "moment"] as const) await said(weight);
    expect(breaker.circuit.state).toBe("closed");
    await said("moment");
    expect(breaker.circuit).toEqual({ state: "open", retry_after_ms: PAUSE_MS });
    nowMs += 500;
    await expect(call(null)).rejects.toMatchObject({
      code: "store_unavailable",
      details: { circuit: "open", retry_after_seconds: 1.5, place: "host:1/db" },
    });
    expect(asked).toBe(6);
  });

  test("a long wait opens it at once, unless the server answered another call meanwhile", async () => {
    let timeOut = (): void => undefined;
    const slow = (): Promise<string> =>
      breaker.run(() => new Promise((_, reject) => (timeOut = () => reject(new Failure("waited"))))).then(String, String);
    let waiting = slow();
    nowMs += 10;
    await said(null);
    timeOut();
    await waiting;
    expect(breaker.circuit.state).toBe("closed");
    nowMs += 10;
    waiting = slow();
    nowMs += 10;
    timeOut();
    await waiting;
    expect(breaker.circuit.state).toBe("open");
  });

  test("after the pause one call tries alone; its failure opens the circuit again, its success closes it", async () => {
    await said("waited");
    nowMs += PAUSE_MS;
    expect(breaker.circuit.state).toBe("half_open");
    const [probe, other] = await Promise.all([said("moment"), said(null)]);
    expect([probe, other, asked]).toEqual(["moment", "store_unavailable", 2]);
    expect(breaker.circuit.state).toBe("open");
    nowMs += PAUSE_MS;
    expect(await said(null)).toBe("answer");
    expect(breaker.circuit.state).toBe("closed");
    expect(await Promise.all([said(null), said(null)])).toEqual(["answer", "answer"]);
  });

  test("a refusal by the server closes it, a failure of our own changes nothing and lets the next one try", async () => {
    await said("waited");
    nowMs += PAUSE_MS;
    expect(await said("nothing")).toBe("nothing");
    expect(breaker.circuit.state).toBe("half_open");
    expect(await said("answered")).toBe("answered");
    expect(breaker.circuit.state).toBe("closed");
  });
});

test.each([
  [new MongoNetworkError("read ECONNRESET"), "moment"],
  [new MongoServerError({ message: "not primary", code: 10_107 }), "moment"],
  [new MongoNetworkTimeoutError("timed out"), "waited"],
  [Object.assign(new Error("no connection is free"), { name: "MongoWaitQueueTimeoutError" }), "nothing"],
  [new MongoServerError({ message: "wrong password", code: 18 }), "answered"],
  [new MongoServerError({ message: "duplicate", code: 11_000 }), "answered"],
  [new RequeenError("conflict", "ours"), "answered"],
] as const)("%s says: %s", (error, weight) => {
  expect(weightOf(translateMongoError(error, "host:1/db"))).toBe(weight);
});
