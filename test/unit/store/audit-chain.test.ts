import { expect, test } from "vitest";
import { chainAuditEntries } from "../../../src/store/audit-chain.ts";
import { AUDIT_GENESIS, hashAuditEntry, verifyAuditChain } from "../../../src/store/index.ts";
import { anAuditEntry, T0 } from "../../conformance/store-documents.ts";

const chain = chainAuditEntries(
  null,
  ["a", "b", "c", "d"].map((subject) => anAuditEntry(subject)),
);

test("the hash of an entry is what its description says", () => {
  // printf '%s' '{"action":...}' | sha256sum, with the canonical text written out by hand
  const entry = {
    sequence: 1,
    at: T0,
    actor: "ann",
    action: "x",
    subject: "s",
    details: { b: 1, a: [null] },
    previous_hash: AUDIT_GENESIS,
  };
  expect(hashAuditEntry(entry)).toBe("fe1657a5c9b4a923c4850ce2cf25e4e1d047635bed599f974b0e70e3d8e03c56");
});

test("the order of keys in details does not change the hash", () => {
  const one = { ...chain[0], details: { a: 1, b: { c: 2, d: 3 } } };
  expect(hashAuditEntry(one)).toBe(hashAuditEntry({ ...one, details: { b: { d: 3, c: 2 }, a: 1 } }));
});

test("an untouched chain and an empty one are intact", async () => {
  expect(await verifyAuditChain(chain)).toEqual({ intact: true, entries: 4, last_hash: chain[3].hash });
  expect(await verifyAuditChain([])).toEqual({ intact: true, entries: 0, last_hash: AUDIT_GENESIS });
  const longer = chainAuditEntries(chain[3], [anAuditEntry("e")]);
  expect((await verifyAuditChain([...chain, ...longer])).intact).toBe(true);
});

test.each([
  ["a changed actor", [chain[0], { ...chain[1], actor: "eve" }, chain[2], chain[3]], 2],
  ["changed details", [chain[0], chain[1], { ...chain[2], details: { tier: "blind" } }, chain[3]], 3],
  ["a removed entry", [chain[0], chain[2], chain[3]], 3],
  ["a removed first entry", [chain[1], chain[2], chain[3]], 2],
  ["two entries in the other order", [chain[0], chain[2], chain[1], chain[3]], 3],
  ["an entry written anew with a fitting hash", [chain[0], rewritten(chain[1]), chain[2], chain[3]], 3],
])("%s is found", async (_, entries, sequence) => {
  expect(await verifyAuditChain(entries)).toMatchObject({ intact: false, sequence });
});

function rewritten(entry: (typeof chain)[number]): (typeof chain)[number] {
  const changed = { ...entry, actor: "eve" };
  return { ...changed, hash: hashAuditEntry(changed) };
}
