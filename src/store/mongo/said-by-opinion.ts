import type { Filter } from "mongodb";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, isOurs, type Said } from "./originals.ts";
import { WITHOUT_BULK } from "./said.ts";

/** Documents of one round trip. */
const BATCH = 1_000;

/** What counts and sums look at, of our documents: a third of the bytes. */
const FOR_COUNTS = {
  feedback_id: 1,
  opinion_id: 1,
  specialist_type: 1,
  submitted_at: 1,
  human_recommendation: 1,
  human_rating: 1,
  "evidence.reviewer": 1,
  "evidence.tier": 1,
  "evidence.demoted_from": 1,
  "evidence.propensity": 1,
  "evidence.base_propensity": 1,
  requeen: 1,
} as const;

/**
 * Feedback, all of one opinion at a time; memory holds one batch. Our documents carry only what is counted: notes and claims are left out.
 * Those of the original system are read whole, since only then it is known whether they can be read.
 */
export async function* saidByOpinion(
  connection: MongoConnection,
  reader: DocumentReader,
  filter: Filter<Stored>,
): AsyncGenerator<Said[]> {
  let after: string | null = null;
  for (;;) {
    const beyond: Filter<Stored> = { opinion_id: after === null ? { $gte: "" } : { $gt: after } };
    const options = { sort: { opinion_id: 1 }, limit: BATCH, projection: FOR_COUNTS } as const;
    const documents: Stored[] = await connection.find("feedback", { $and: [filter, beyond] }, options);
    const lastId = String(documents.at(-1)?.opinion_id);
    const isEnd = documents.length < BATCH;
    // the last opinion of a full batch may go on beyond it: it is read whole
    const cut = isEnd ? documents : documents.filter((document) => document.opinion_id !== lastId);
    const ofLast = { $and: [filter, { opinion_id: lastId }] };
    const whole = isEnd ? cut : [...cut, ...(await connection.find("feedback", ofLast, { projection: FOR_COUNTS }))];
    const said = await reader.feedback(await withForeignWhole(connection, whole));
    yield* Map.groupBy(said, ({ feedback }) => feedback.opinion_id).values();
    if (isEnd) return;
    after = lastId;
  }
}

async function withForeignWhole(connection: MongoConnection, documents: readonly Stored[]): Promise<Stored[]> {
  const foreign = documents.filter((document) => !isOurs(document)).map(({ _id }) => _id);
  if (foreign.length === 0) return [...documents];
  const read = await connection.find("feedback", { _id: { $in: foreign } }, { projection: WITHOUT_BULK });
  const whole = new Map(read.map((document) => [String(document._id), document]));
  return documents.map((document) => (isOurs(document) ? document : (whole.get(String(document._id)) ?? document)));
}
