import { expect, test } from "vitest";
import { z } from "zod";
import { datasetSchema } from "../../../src/core/dataset.ts";
import { feedbackSchema } from "../../../src/core/feedback.ts";
import { opinionSchema } from "../../../src/core/opinion.ts";
import { runSchema } from "../../../src/core/run.ts";
import { timestamp } from "../../../src/core/time.ts";
import { documentSchema } from "../../../src/http/schemas/document-schema.ts";
import { aDataset, aFeedback, anOpinion, aRun } from "../../conformance/store-documents.ts";

test.each([
  ["opinion", opinionSchema, anOpinion("o")],
  ["feedback", feedbackSchema, aFeedback("f", "o")],
  ["run", runSchema, aRun("run-1")],
  ["dataset", datasetSchema, { ...aDataset("d"), dataset_id: "a".repeat(64) }],
] as [string, z.ZodType, unknown][])(
  "the document of a %s is what its schema encodes, and passes unchanged",
  (_name, schema, value) => {
    const document = schema.encode(value);
    expect(documentSchema(schema).parse(document)).toEqual(document);
    // what is not encoded yet is no document
    expect(documentSchema(schema).safeParse(value).success).toBe(false);
  },
);

test("a field with a default is always there in a document, and its words stay", () => {
  const schema = z.strictObject({ tags: z.array(timestamp).default([]), name: z.string().describe("its name").optional() });
  const turned = documentSchema(schema);
  expect(turned.safeParse({ tags: ["2026-01-01T00:00:00.000Z"] }).success).toBe(true);
  expect(turned.safeParse({}).success).toBe(false);
  expect(z.toJSONSchema(turned)).toMatchObject({
    required: ["tags"],
    properties: { tags: { items: { type: "string", format: "date-time" } }, name: { description: "its name" } },
  });
});

test("a schema that cannot be turned back is refused, not guessed", () => {
  expect(() => documentSchema(z.object({ n: z.string().transform(Number) }))).toThrow(/one way/);
});
