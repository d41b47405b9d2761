import { beforeEach, describe, expect, test, vi } from "vitest";
import { Outbox, type Waiting } from "../../../web/src/api/outbox.ts";
import { Problem, Unreachable } from "../../../web/src/api/problem.ts";

const waiting = (key: string): Waiting => ({
  claimId: `claim-${key}`,
  body: { decision: "approve", rating: null, notes: "" },
  key,
});

/** What a browser keeps, for Node. */
function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

beforeEach(() => vi.stubGlobal("localStorage", storage()));

describe("outbox of decisions", () => {
  test("a decision that cannot be sent outlives the page and goes out once, with its first key", async () => {
    const keys: string[] = [];
    let isAway = true;
    const send = async ({ key }: Waiting): Promise<string> => {
      keys.push(key);
      if (isAway) throw new Unreachable(new TypeError("failed to fetch"));
      return "stored";
    };
    const first = new Outbox("ana", send);
    expect((await first.deliver(waiting("k1"))).state).toBe("waiting");
    isAway = false;
    const second = new Outbox("ana", send);
    const [kept] = second.items;
    expect(kept).toEqual(waiting("k1"));
    expect(await second.deliver(waiting("k1"))).toEqual({ state: "sent", answer: "stored" });
    expect(new Outbox("ana", send).items).toEqual([]);
    expect(keys).toEqual(["k1", "k1"]);
  });

  test.each([429, 503])("an answer %i keeps the decision; a refusal gives it up and says why", async (status) => {
    const answers = [new Problem(status, { code: "store_unavailable" }), new Problem(409, { code: "conflict", detail: "taken" })];
    const outbox = new Outbox("ana", async () => {
      throw answers.shift();
    });
    expect((await outbox.deliver(waiting("k"))).state).toBe("waiting");
    expect(outbox.items).toHaveLength(1);
    const refused = await outbox.deliver(waiting("k"));
    expect(refused).toMatchObject({ state: "refused", error: { message: "taken" } });
    expect(outbox.items).toEqual([]);
  });

  test("one person's decisions are never sent as another's, and a spoiled entry is not sent at all", async () => {
    const away = async (): Promise<never> => {
      throw new Unreachable(null);
    };
    await new Outbox("ana", away).deliver(waiting("k"));
    expect(new Outbox("bea", away).items).toEqual([]);
    localStorage.setItem("requeen.outbox.bea", '[{"claimId":"x"},7,null]');
    expect(new Outbox("bea", away).items).toEqual([]);
    localStorage.setItem("requeen.outbox.bea", "{");
    expect(new Outbox("bea", away).items).toEqual([]);
  });
});
