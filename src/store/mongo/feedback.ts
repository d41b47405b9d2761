import type { Filter } from "mongodb";
import { RequeenError } from "../../core/errors.ts";
import { isHuman } from "../../core/evidence.ts";
import type { Feedback } from "../../core/feedback.ts";
import { placeJudgement, sameFeedback } from "../judgements.ts";
import { checkedLimit, decodeCursor, encodeCursor } from "../page.ts";
import type { FeedbackFilter, FeedbackOutcome, Store, StoredFeedback } from "../store.ts";
import { fieldsOf } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, type Said, schemaOfOpinion } from "./originals.ts";
import { headsOf, isNewer, reviewerKey, saidOf, WITHOUT_BULK, withStates } from "./said.ts";
import { together } from "./together.ts";
import type { WaitingRing } from "./waiting.ts";

/** How often an insert begins anew because others inserted meanwhile; each time one of them got on. */
const MAX_ROUNDS = 1_000;

const GROUPS = { groupItems: 1_000, waitingItems: 20_000 };

type Methods = "addFeedback" | "getFeedback" | "listFeedback" | "retractFeedback" | "demoteFeedback";

export function feedbackMethods(
  connection: MongoConnection,
  reader: DocumentReader,
  ring: WaitingRing,
  now: () => number,
): Pick<Store, Methods> {
  const find = async (feedbackId: string): Promise<{ feedback: StoredFeedback; document: Stored } | null> => {
    const [item] = await reader.feedback(await connection.find("feedback", { feedback_id: feedbackId }, { limit: 1 }));
    if (item === undefined) return null;
    const said = await saidOf(connection, reader, [item.feedback.opinion_id]);
    const index = said.findIndex(({ feedback }) => feedback.feedback_id === feedbackId);
    const [feedback, source] = [withStates(said)[index], said[index]];
    return feedback === undefined || source === undefined ? null : { feedback, document: source.document };
  };

  return {
    addFeedback: together(async (feedback) => {
      const outcomes: FeedbackOutcome[] = [];
      for (let round = 0; outcomes.length < feedback.length; round += 1) {
        if (round === MAX_ROUNDS)
          throw new RequeenError("store_unavailable", `the MongoDB ${connection.place} is written by too many at once`, {
            rounds: MAX_ROUNDS,
          });
        outcomes.push(...(await addInOrder(connection, reader, feedback.slice(outcomes.length), now())));
      }
      await settle(ring, feedback, outcomes);
      return outcomes;
    }, GROUPS),

    async getFeedback(feedbackId) {
      return (await find(feedbackId))?.feedback ?? null;
    },

    async listFeedback(filter, page) {
      const limit = checkedLimit(page);
      const items: { feedback: StoredFeedback; place: Place }[] = [];
      let after = page.cursor === undefined ? null : placeOf(page.cursor);
      for (;;) {
        const ask = Math.max(100, limit + 1 - items.length);
        const documents = await nextDocuments(connection, serverFilter(filter), after, ask);
        const read = await reader.feedback(documents);
        const states = await statesOf(connection, reader, read);
        read.forEach(({ document }, index) => {
          const feedback = states[index];
          if (feedback !== undefined && fits(feedback, filter)) items.push({ feedback, place: placeOfDocument(document) });
        });
        const last = documents.at(-1);
        if (items.length > limit || last === undefined) break;
        after = placeOfDocument(last);
      }
      const kept = items.slice(0, limit);
      const last = kept.at(-1);
      const next = items.length > limit && last !== undefined ? encodeCursor([last.place.sequence, last.place.foreignId]) : null;
      return { items: kept.map(({ feedback }) => feedback), next };
    },

    async retractFeedback(feedbackId, at) {
      const found = await find(feedbackId);
      if (found === null)
        throw new RequeenError("feedback_not_found", `no feedback has the id ${feedbackId}`, { feedback_id: feedbackId });
      const { feedback, document } = found;
      const mark = { $set: { "requeen.retracted_at": new Date(at) } };
      const refused = (state: string): RequeenError =>
        new RequeenError("conflict", `feedback ${feedbackId} must be current to be retracted; it is ${state}`, {
          feedback_id: feedbackId,
          state,
        });
      if (feedback.state !== "current") throw refused(feedback.state);
      const filter = { _id: document._id, "requeen.retracted_at": { $exists: false } };
      const { matchedCount } = await connection.guard(() => connection.collection("feedback").updateOne(filter, mark));
      if (matchedCount === 0) throw refused("retracted");
      await connection.countMark();
      await ring.add([{ opinion_id: feedback.opinion_id, specialist: feedback.specialist_type }]);
      return { ...feedback, state: "retracted" };
    },

    async demoteFeedback(feedbackIds, tier) {
      const said = await reader.feedback(await connection.findByIds("feedback", "feedback_id", feedbackIds));
      const changed = said.filter((item) => (item.tier ?? item.feedback.evidence.tier) !== tier);
      if (changed.length === 0) return 0;
      if (!isHuman(tier))
        await ring.add(
          changed.map(({ feedback }) => ({ opinion_id: feedback.opinion_id, specialist: feedback.specialist_type })),
        );
      const operations = changed.map(({ document }) => ({
        updateOne: { filter: { _id: document._id }, update: { $set: { "requeen.tier": tier } } },
      }));
      await connection.guard(() => connection.collection("feedback").bulkWrite(operations, { ordered: false }));
      await connection.countMark();
      return changed.length;
    },
  };
}

/** What people judged waits no more; what a machine's label took a person's place on waits again. */
async function settle(ring: WaitingRing, feedback: readonly Feedback[], outcomes: readonly FeedbackOutcome[]): Promise<void> {
  const added = feedback.filter((_, index) => outcomes[index]?.outcome === "added");
  const again = feedback.filter(({ evidence }, index) => !isHuman(evidence.tier) && outcomes[index]?.replaced != null);
  await ring.add(again.map(({ opinion_id, specialist_type }) => ({ opinion_id, specialist: specialist_type })));
  await ring.remove(added.filter(({ evidence }) => isHuman(evidence.tier)).map(({ opinion_id }) => opinion_id));
}

/**
 * Adds judgements in order and gives the answers of as many as it could; the caller comes again with the rest.
 *
 * Sequence numbers are the `_id`s. The largest one is read first, then all that bears on the answers, then the new ones are inserted with
 * the numbers that follow. If anyone else inserted in between, the first number is taken and the insert fails: so what was read was the
 * whole truth, and numbers grow in the order of commit, without locks, and on servers without transactions too.
 */
async function addInOrder(
  connection: MongoConnection,
  reader: DocumentReader,
  feedback: readonly Feedback[],
  recordedAt: number,
): Promise<FeedbackOutcome[]> {
  const last = await lastSequence(connection);
  const opinionIds = feedback.map((item) => item.opinion_id);
  const opinions = new Map(
    (
      await connection.findByIds("opinions", "opinion_id", opinionIds, {
        projection: { opinion_id: 1, specialist_type: 1, "features.schema": 1, "requeen.features.schema": 1 },
      })
    ).map((document) => [String(document.opinion_id), document]),
  );
  const said = await saidOf(connection, reader, opinionIds);
  const elsewhere = await reader.feedback(
    await connection.findByIds(
      "feedback",
      "feedback_id",
      feedback.map((item) => item.feedback_id),
      { projection: WITHOUT_BULK },
    ),
  );
  const known = new Map([...said, ...elsewhere].map((item) => [item.feedback.feedback_id, item]));
  const heads = headsOf(said);

  const documents: Stored[] = [];
  const insertedBefore: number[] = []; // how many documents stand before each answer
  const outcomes = feedback.map((item): FeedbackOutcome => {
    insertedBefore.push(documents.length);
    const opinion = opinions.get(item.opinion_id);
    if (opinion === undefined) return { outcome: "opinion_not_found", feedback_id: item.feedback_id, replaced: null };
    if (opinion.specialist_type !== item.specialist_type)
      return { outcome: "conflict", feedback_id: item.feedback_id, replaced: null };
    const present = known.get(item.feedback_id);
    if (present !== undefined) {
      const outcome = sameFeedback(present.feedback, item) ? "same" : "conflict";
      return { outcome, feedback_id: item.feedback_id, replaced: null };
    }
    const fresh: Said = {
      feedback: item,
      tier: null,
      sequence: last + documents.length + 1,
      recorded_at: recordedAt,
      retracted: false,
      document: { _id: 0 },
    };
    const head = heads.get(reviewerKey(fresh)) ?? null;
    const outcome = placeJudgement(head === null ? null : { feedback: head.feedback, current: !head.retracted }, item);
    if (outcome === "same") return { outcome, feedback_id: head?.feedback.feedback_id ?? item.feedback_id, replaced: null };
    const replaced = outcome === "added" && head !== null && !head.retracted ? head.feedback.feedback_id : null;
    const stored = replaced === null ? item : { ...item, supersedes: replaced };
    if (head === null || isNewer(fresh, head)) heads.set(reviewerKey(fresh), fresh);
    known.set(item.feedback_id, fresh);
    documents.push(documentOf(stored, fresh.sequence, recordedAt, opinion));
    return { outcome, feedback_id: item.feedback_id, replaced };
  });

  const stored = await connection.insertInOrder("feedback", documents);
  if (stored === documents.length) return outcomes;
  // everything before the refused document is there; its answer and the later ones must be found anew
  const done = insertedBefore.lastIndexOf(stored);
  return outcomes.slice(0, done);
}

async function lastSequence(connection: MongoConnection): Promise<number> {
  const [last] = await connection.find("feedback", { _id: { $gte: 0 } }, { sort: { _id: -1 }, limit: 1, projection: { _id: 1 } });
  return Number(last?._id ?? 0);
}

function documentOf(feedback: Feedback, sequence: number, recordedAt: number, opinion: Stored): Stored {
  return {
    ...fieldsOf(feedback),
    _id: sequence,
    requeen: { recorded_at: new Date(recordedAt), feature_schema: schemaOfOpinion(opinion) },
  };
}

/** A place in the list: our documents by falling sequence, then the original system's by falling id. */
interface Place {
  readonly sequence: number;
  /** Hex of the ObjectId; "" for ours. */
  readonly foreignId: string;
}

const placeOfDocument = ({ _id }: Stored): Place =>
  typeof _id === "number" ? { sequence: _id, foreignId: "" } : { sequence: 0, foreignId: String(_id) };

function placeOf(cursor: string): Place {
  const [sequence, foreignId] = decodeCursor(cursor, ["number", "string"]);
  if (!/^([0-9a-f]{24})?$/.test(String(foreignId)))
    throw new RequeenError("bad_query", "cursor must be the `next` of a page of feedback; got one of another list");
  return { sequence: Number(sequence), foreignId: String(foreignId) };
}

async function nextDocuments(
  connection: MongoConnection,
  filter: Filter<Stored>,
  after: Place | null,
  limit: number,
): Promise<Stored[]> {
  const options = { sort: { _id: -1 }, limit, projection: WITHOUT_BULK } as const;
  if (after === null || after.foreignId === "") {
    // negative ones were moved here from the original system
    const below = { $gte: Number.MIN_SAFE_INTEGER, ...(after === null ? {} : { $lt: after.sequence }) };
    const ours = await connection.find("feedback", { $and: [filter, { _id: below }] }, options);
    if (ours.length > 0) return ours;
  }
  const below =
    after === null || after.foreignId === "" ? { $type: "objectId" as const } : { $lt: connection.objectId(after.foreignId) };
  return connection.find("feedback", { $and: [filter, { _id: below }] }, options);
}

async function statesOf(connection: MongoConnection, reader: DocumentReader, read: readonly Said[]): Promise<StoredFeedback[]> {
  const said = await saidOf(
    connection,
    reader,
    read.map(({ feedback }) => feedback.opinion_id),
  );
  const states = new Map(withStates(said).map((feedback) => [feedback.feedback_id, feedback]));
  return read.flatMap(({ feedback }) => states.get(feedback.feedback_id) ?? []);
}

/** What the server can leave out. Documents of other writers may lack a field or hold it in another form, so `fits` has the last word. */
function serverFilter(filter: FeedbackFilter): Filter<Stored> {
  const all: Filter<Stored>[] = [];
  if (filter.opinionId !== undefined) all.push({ opinion_id: filter.opinionId });
  if (filter.specialist !== undefined)
    all.push({ $or: [{ specialist_type: filter.specialist }, { specialist_type: { $exists: false } }] });
  if (filter.reviewer !== undefined)
    all.push({ $or: [{ "evidence.reviewer": filter.reviewer }, { "requeen.recorded_at": { $exists: false } }] });
  if (filter.tier !== undefined)
    all.push({
      $or: [{ "evidence.tier": filter.tier }, { "requeen.tier": filter.tier }, { "requeen.recorded_at": { $exists: false } }],
    });
  return all.length === 0 ? {} : { $and: all };
}

const fits = (feedback: StoredFeedback, filter: FeedbackFilter): boolean =>
  (filter.specialist === undefined || feedback.specialist_type === filter.specialist) &&
  (filter.reviewer === undefined || feedback.evidence.reviewer === filter.reviewer) &&
  (filter.tier === undefined || feedback.evidence.tier === filter.tier) &&
  (filter.state === undefined || feedback.state === filter.state) &&
  (filter.submittedFrom === undefined || feedback.submitted_at >= filter.submittedFrom) &&
  (filter.submittedBefore === undefined || feedback.submitted_at < filter.submittedBefore);
