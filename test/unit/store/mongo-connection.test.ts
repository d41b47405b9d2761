import type { Db } from "mongodb";
import { expect, test } from "vitest";
import { CircuitBreaker } from "../../../src/store/mongo/circuit-breaker.ts";
import { MongoConnection } from "../../../src/store/mongo/connection.ts";
import { weightOf } from "../../../src/store/mongo/mongo-errors.ts";

const noServer = () => Object.assign(new Error("connection 1 closed"), { name: "MongoServerSelectionError" });

/** A connection whose driver is not asked for anything but to connect anew; `nowMs` is the breaker's clock. */
function makeConnection(reconnect: () => Promise<void>) {
  const clock = { nowMs: 0 };
  const breaker = new CircuitBreaker({ failures: 3, pauseMs: 100, nowMs: () => clock.nowMs, place: "host/db" }, weightOf);
  const unused = (): never => {
    throw new Error("not asked for");
  };
  const connection = new MongoConnection({} as Db, "host/db", breaker, { objectId: unused, startSession: unused, reconnect });
  return { connection, clock };
}

test("after the driver has found no server, the call that tries connects anew first, and goes on when that works", async () => {
  const steps: string[] = [];
  let isThere = false;
  const { connection, clock } = makeConnection(async () => {
    steps.push("reconnect");
    if (!isThere) throw noServer();
  });
  const call = () => connection.guard(async () => steps.push("work"));
  await expect(connection.guard(() => Promise.reject(noServer()))).rejects.toThrow(/store_unavailable/);
  // open: nobody tries
  await expect(call()).rejects.toThrow(/store_unavailable/);
  expect(steps).toEqual([]);
  clock.nowMs = 100;
  await expect(call()).rejects.toThrow(/store_unavailable/);
  expect(steps).toEqual(["reconnect"]);
  isThere = true;
  clock.nowMs = 200;
  await call();
  await call();
  expect(steps).toEqual(["reconnect", "reconnect", "work", "work"]);
});

test("calls that find the server lost together wait for one reconnection", async () => {
  let reconnections = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { connection } = makeConnection(() => {
    reconnections += 1;
    return promise;
  });
  // a call that began before another one was answered says nothing against the server: the circuit stays closed
  const slow = Promise.withResolvers<never>();
  const lost = connection.guard(() => slow.promise);
  await connection.guard(async () => undefined);
  slow.reject(noServer());
  await expect(lost).rejects.toThrow(/store_unavailable/);
  const calls = [1, 2, 3].map((value) => connection.guard(async () => value));
  resolve();
  expect(await Promise.all(calls)).toEqual([1, 2, 3]);
  expect(reconnections).toBe(1);
});

test("other failures do not end the connections", async () => {
  const { connection } = makeConnection(() => Promise.reject(new Error("not asked for")));
  const broken = Object.assign(new Error("cut"), { name: "MongoNetworkError" });
  await expect(connection.guard(() => Promise.reject(broken))).rejects.toThrow(/store_unavailable/);
  expect(await connection.guard(async () => "answer")).toBe("answer");
});
