import fc from "fast-check";
import { BSON, Decimal128, Long, ObjectId } from "mongodb";
import { expect, test } from "vitest";
import { fromBson, toBson, toPlain } from "../../src/store/mongo/bson-form.ts";

/** Names that MongoDB and its relatives treat in their own ways, beside any others. */
const name = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "a.b",
    "$set",
    "%",
    "%2E",
    "%%24",
    "x\0y",
    "submitted_at",
    "at",
    "_at",
    "$date",
    "toString",
    "__proto__",
    "%5F_proto__",
  ),
);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 8.64e15, 8.64e15 + 2, -8.64e15, 1_700_000_000_000),
);
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    number,
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test("what goes into MongoDB comes back: fromBson(BSON(toBson(x))) = x", () => {
  fc.assert(
    fc.property(fc.dictionary(name, json, { maxKeys: 4, noNullPrototype: true }), (document) => {
      const stored = BSON.deserialize(BSON.serialize(toBson(document) as Record<string, unknown>));
      expect(fromBson(stored)).toEqual(document);
    }),
    { numRuns: 500 },
  );
});

test("no name that goes into MongoDB holds a dot, a dollar or a zero", () => {
  const namesIn = (value: unknown): string[] => {
    if (Array.isArray(value)) return value.flatMap(namesIn);
    if (typeof value !== "object" || value === null || value instanceof Date) return [];
    return Object.entries(value).flatMap(([key, member]) => [key, ...namesIn(member)]);
  };
  fc.assert(fc.property(json, (value) => namesIn(toBson(value)).every((key) => !/[.$\0]/.test(key))));
});

test("times become dates, and only times do", () => {
  const stored = toBson({
    evaluated_at: 1_700_000_000_000,
    at: 1_700_000_000_000,
    half_at: 0.5,
    list_at: [1],
    text_at: "x",
    none_at: null,
  });
  expect(stored).toEqual({
    evaluated_at: new Date(1_700_000_000_000),
    at: 1_700_000_000_000,
    half_at: 0.5,
    list_at: [1],
    text_at: "x",
    none_at: null,
  });
});

test("documents of other writers become plain JSON data", () => {
  const document = {
    _id: new ObjectId("0123456789abcdef01234567"),
    when: new Date(Date.UTC(2026, 0, 5)),
    small: Long.fromNumber(12),
    wide: Long.fromString("9223372036854775807"),
    exact: Decimal128.fromString("0.25"),
    nested: [{ when: new Date(Number.NaN) }],
  };
  expect(toPlain(document)).toEqual({
    _id: "0123456789abcdef01234567",
    when: "2026-01-05T00:00:00.000Z",
    small: 12,
    wide: "9223372036854775807",
    exact: 0.25,
    nested: [{ when: null }],
  });
});
