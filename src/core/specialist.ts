import { z } from "zod";
import { trainingSettingsSchema } from "./training-settings.ts";

/** Names that begin with an underscore are kept for the rows' own columns in a dataset file. */
const columnName = z.string().min(1).max(200).regex(/^[^_]/, "must not begin with an underscore");

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, beginning with a letter, at most 63");

export const columnSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    name: columnName,
    kind: z.literal("numeric"),
    min: z.number().optional().describe("smallest allowed value; smaller ones are refused at intake"),
    max: z.number().optional().describe("largest allowed value"),
  }),
  z.strictObject({
    name: columnName,
    kind: z.literal("categorical"),
    values: z.array(z.string()).min(1).max(255).describe("allowed values, in order; the index is the code"),
  }),
]);
export type Column = z.output<typeof columnSchema>;

const planFeatures = z.strictObject({ schema: z.enum(["plan/1", "plan/2"]) });
const columnFeatures = z.strictObject({
  schema: z
    .string()
    .regex(/^[a-z][a-z0-9-]*\/[1-9][0-9]*$/)
    .describe("name and version of this column set, e.g. mail/1; a changed set needs a new version"),
  columns: z.array(columnSchema).min(1).max(4096),
});

/** Learners that a specialist may use; engine/ has them all. */
export const MODEL_TYPES = [
  "random_forest",
  "extra_trees",
  "gradient_boosting",
  "logistic_regression",
  "neural_network",
] as const;
export type ModelTypeName = (typeof MODEL_TYPES)[number];

export const DEFAULT_CLASSES = ["approve", "reject", "review_required", "conditional"] as const;

/** A specialist as configuration: a named judge with a feature schema, decision classes and a policy. */
export const specialistSchema = z
  .strictObject({
    name: name.describe("as in the file and the API: specialist_type"),
    classes: z
      .array(z.string().min(1).max(64))
      .min(2)
      .max(64)
      .default([...DEFAULT_CLASSES])
      .describe("decision classes, in the order in which probabilities are given"),
    features: z.union([planFeatures, columnFeatures]).default({ schema: "plan/2" }).describe("plan/1, plan/2, or named columns"),
    label: z
      .strictObject({
        map: z
          .record(z.string(), z.string())
          .default({})
          .describe("decision -> class, where people may answer more than the classes"),
      })
      .default({ map: {} })
      .describe("how a person's decision becomes the label"),
    group: z.string().default("plan_id").describe("what keeps rows together in a split: plan_id, intent_id, or a column's name"),
    policy: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .default("evidence")
      .describe("preset name, or a policy written out"),
    model_types: z
      .array(z.enum(MODEL_TYPES))
      .min(1)
      .default(["random_forest"])
      .describe("the first is trained unless a run names another"),
    training: trainingSettingsSchema.prefault({}).describe("parameters of the learners, and how they are searched"),
    mlflow: z
      .strictObject({ model: z.string().min(1).optional(), experiment: z.string().min(1).optional() })
      .default({})
      .describe("names in the registry; by default {name}-evaluator and {name}-specialist"),
  })
  .check((context) => {
    const { classes, features, group, label } = context.value;
    const issue = (path: string[], message: string) =>
      context.issues.push({ code: "custom", path, message, input: context.value });
    if (new Set(classes).size !== classes.length)
      issue(["classes"], `classes must differ from each other; got ${classes.join(", ")}`);
    for (const [from, to] of Object.entries(label.map))
      if (!classes.includes(to)) issue(["label", "map", from], `must be one of the classes ${classes.join(", ")}; got ${to}`);
    if (!("columns" in features)) return;
    const names = features.columns.map((column) => column.name);
    if (new Set(names).size !== names.length) issue(["features", "columns"], "column names must differ from each other");
    if (group !== "plan_id" && group !== "intent_id" && !names.includes(group))
      issue(["group"], `must be plan_id, intent_id or a column's name; got ${group}`);
  });

export type Specialist = z.output<typeof specialistSchema>;

export const BUILT_IN_SPECIALISTS = ["architecture", "behavior", "business", "evolution", "technical"] as const;

/** The five of the hive: four classes, schema plan/2, policy `evidence`. */
export const builtInSpecialists = (): Specialist[] => BUILT_IN_SPECIALISTS.map((name) => specialistSchema.parse({ name }));
