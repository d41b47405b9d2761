import type { Filter } from "mongodb";
import type { OriginalDocuments, OriginalFeedbackReport } from "../original-documents.ts";
import { toBson, toPlain } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, isOurs, schemaOfOpinion } from "./originals.ts";

/** Documents of one round trip. */
const BATCH = 1_000;
const CHANGES_PER_CALL = 100;
const NOT_OURS = { "requeen.recorded_at": { $exists: false } } as const;

/** How the store completes what the original system wrote; see `OriginalDocuments`. */
export function originalDocuments(connection: MongoConnection, reader: DocumentReader): OriginalDocuments {
  return {
    async listWithoutVector(after, limit) {
      const filter = { opinion_id: after === null ? { $gte: "" } : { $gt: after } };
      const without = { ...NOT_OURS, "requeen.features": { $exists: false } };
      const documents = await connection.find("opinions", { $and: [filter, without] }, { sort: { opinion_id: 1 }, limit });
      const last = documents.length < limit ? null : String(documents.at(-1)?.opinion_id);
      return { opinions: await reader.opinions(documents), seen: documents.length, last };
    },

    async findPlans(opinions, collection) {
      const planIds = opinions.map(({ plan_id }) => plan_id);
      const plans = new Map<string, Record<string, unknown>>();
      for (const { _id, ...document } of await connection.findElsewhere(collection, "plan_id", planIds))
        plans.set(String(document.plan_id), toPlain(document) as Record<string, unknown>); // an object gives an object
      const found = new Map<string, Record<string, unknown>>();
      for (const { opinion_id, plan_id } of opinions) {
        const plan = plans.get(plan_id);
        if (plan !== undefined) found.set(opinion_id, plan);
      }
      const missing = opinions.filter(({ opinion_id }) => !found.has(opinion_id)).map(({ opinion_id }) => opinion_id);
      const projection = { opinion_id: 1, cognitive_plan_snapshot: 1 };
      for (const document of await connection.findByIds("feedback", "opinion_id", missing, { projection })) {
        const snapshot = toPlain(document.cognitive_plan_snapshot);
        if (isFilled(snapshot)) found.set(String(document.opinion_id), snapshot);
      }
      return found;
    },

    async addVectors(additions) {
      if (additions.length === 0) return 0;
      const wanted = new Map(additions.map((addition) => [addition.opinion_id, addition]));
      const projection = { opinion_id: 1, "requeen.recorded_at": 1 };
      const documents = await connection.findByIds("opinions", "opinion_id", wanted.keys(), { projection });
      const changes = documents.flatMap((document): Change[] => {
        const addition = wanted.get(String(document.opinion_id));
        if (addition === undefined || isOurs(document)) return [];
        const { group, features, cognitive_plan } = addition;
        const plan = cognitive_plan === null ? {} : { "requeen.cognitive_plan": toBson(cognitive_plan) };
        return [{ _id: document._id, set: { "requeen.features": toBson(features), "requeen.group": group, ...plan } }];
      });
      return mark(connection, "opinions", changes);
    },

    async settleFeedback(vouchedBy, dryRun) {
      const report = { seen: 0, tied: 0, vouched: 0, automatic: 0 };
      let after: Stored["_id"] | null = null;
      for (;;) {
        const beyond: Filter<Stored> = { _id: { $type: "objectId" as const, ...(after === null ? {} : { $gt: after }) } };
        const projection = { opinion_id: 1, auto_generated: 1, requeen: 1 };
        const options = { sort: { _id: 1 }, limit: BATCH, projection } as const;
        const documents: Stored[] = await connection.find("feedback", { $and: [beyond, NOT_OURS] }, options);
        await settlePage(connection, documents, vouchedBy, dryRun, report);
        const last = documents.at(-1);
        if (documents.length < BATCH || last === undefined) return report;
        after = last._id;
      }
    },
  };
}

interface Change {
  readonly _id: Stored["_id"];
  readonly set: Readonly<Record<string, unknown>>;
}

/** By `_id`, which every server finds at once, in calls that are short also where it is slow. @returns how many were there */
async function mark(connection: MongoConnection, name: "opinions" | "feedback", changes: readonly Change[]): Promise<number> {
  let matched = 0;
  for (let from = 0; from < changes.length; from += CHANGES_PER_CALL) {
    const operations = changes.slice(from, from + CHANGES_PER_CALL).map(({ _id, set }) => ({
      updateOne: { filter: { _id }, update: { $set: set } },
    }));
    const write = () => connection.collection(name).bulkWrite(operations, { ordered: false });
    matched += (await connection.guard(write)).matchedCount;
  }
  return matched;
}

type Counts = { -readonly [K in keyof OriginalFeedbackReport]: OriginalFeedbackReport[K] };

async function settlePage(
  connection: MongoConnection,
  documents: readonly Stored[],
  vouchedBy: string | null,
  dryRun: boolean,
  report: Counts,
): Promise<void> {
  const ids = documents.map(({ opinion_id }) => opinion_id).filter((id) => typeof id === "string");
  const projection = { opinion_id: 1, "features.schema": 1, "requeen.features.schema": 1 };
  const opinions = await connection.findByIds("opinions", "opinion_id", ids, { projection });
  const schemas = new Map(opinions.map((opinion) => [opinion.opinion_id, schemaOfOpinion(opinion)]));
  const changes = documents.flatMap((document): Change[] => {
    report.seen += 1;
    const marks = (document.requeen ?? {}) as { feature_schema?: string; vouched_by?: string };
    const schema = schemas.get(document.opinion_id) ?? null;
    const set: Record<string, string> = {};
    if (schema !== null && marks.feature_schema !== schema) {
      report.tied += 1;
      set["requeen.feature_schema"] = schema;
    }
    if (document.auto_generated === true) report.automatic += 1;
    else if (vouchedBy !== null && marks.vouched_by === undefined) {
      report.vouched += 1;
      set["requeen.vouched_by"] = vouchedBy;
    }
    return Object.keys(set).length === 0 ? [] : [{ _id: document._id, set }];
  });
  if (dryRun || changes.length === 0) return;
  await mark(connection, "feedback", changes);
  await connection.countMark();
}

const isFilled = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
