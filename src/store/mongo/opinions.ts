import type { Filter } from "mongodb";
import { isHuman } from "../../core/evidence.ts";
import { headOf, type Opinion } from "../../core/opinion.ts";
import { sameOpinion } from "../judgements.ts";
import { checkedLimit, checkIdCount, decodeCursor, encodeCursor } from "../page.ts";
import type { OpinionFilter, Store } from "../store.ts";
import { fieldsOf } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, type Said, WITHOUT_PLAN } from "./originals.ts";
import { currentOf, saidOf } from "./said.ts";
import type { WaitingRing } from "./waiting.ts";

const SORT = { evaluated_at: -1, opinion_id: -1 } as const;

export function opinionMethods(
  connection: MongoConnection,
  reader: DocumentReader,
  ring: WaitingRing,
  now: () => number,
): Pick<Store, "addOpinions" | "getOpinion" | "getOpinions" | "getOpinionHeads" | "countOpinions" | "listOpinions"> {
  const byIds = async (ids: Iterable<string>): Promise<Map<string, Opinion>> => {
    const opinions = await reader.opinions(await connection.findByIds("opinions", "opinion_id", ids));
    return new Map(opinions.map((opinion) => [opinion.opinion_id, opinion]));
  };

  return {
    async addOpinions(opinions) {
      const known = await byIds(opinions.map((opinion) => opinion.opinion_id));
      const fresh = new Map<string, Opinion>();
      const answers = opinions.map((opinion) => {
        const stored = known.get(opinion.opinion_id) ?? fresh.get(opinion.opinion_id);
        if (stored !== undefined) return sameOpinion(stored, opinion) ? "same" : "conflict";
        fresh.set(opinion.opinion_id, opinion);
        return "added";
      });
      const waiting = [...fresh.values()].filter(({ state }) => state !== "generated");
      await ring.add(waiting.map(({ opinion_id, specialist_type }) => ({ opinion_id, specialist: specialist_type })));
      const lost = await insertNew(connection, [...fresh.values()], now());
      if (lost.length === 0) return answers;
      // another process stored these ids since they were looked up
      const winners = await byIds(lost);
      return opinions.map((opinion, index) => {
        const winner = winners.get(opinion.opinion_id);
        if (winner === undefined) return answers[index] ?? "conflict";
        return sameOpinion(winner, opinion) ? "same" : "conflict";
      });
    },

    async getOpinion(opinionId) {
      return (await byIds([opinionId])).get(opinionId) ?? null;
    },

    async getOpinions(opinionIds) {
      checkIdCount(opinionIds);
      const found = await byIds(opinionIds);
      return opinionIds.map((id) => found.get(id) ?? null);
    },

    async getOpinionHeads(opinionIds) {
      checkIdCount(opinionIds);
      const options = { projection: WITHOUT_PLAN };
      const opinions = await reader.opinions(await connection.findByIds("opinions", "opinion_id", opinionIds, options));
      const heads = new Map(opinions.map((opinion) => [opinion.opinion_id, headOf(opinion)]));
      return opinionIds.map((id) => heads.get(id) ?? null);
    },

    /** Documents of the original system that cannot be read count too. */
    async countOpinions(filter) {
      if (filter.pending !== true)
        return connection.guard(() => connection.collection("opinions").countDocuments(serverFilter(filter)));
      let count = 0;
      for await (const ids of opinionIdPages(connection, serverFilter(filter)))
        count += ids.length - labelledByPeople(await saidOf(connection, reader, ids)).size;
      return count;
    },

    async listOpinions(filter, page) {
      const limit = checkedLimit(page);
      let after = page.cursor === undefined ? null : placeOf(page.cursor);
      const items: Opinion[] = [];
      for (;;) {
        const ask = Math.max(100, limit + 1 - items.length);
        const documents = await connection.find(
          "opinions",
          { $and: [serverFilter(filter), ...beyond(after)] },
          { sort: SORT, limit: ask },
        );
        const opinions = await reader.opinions(documents);
        items.push(...(filter.pending === true ? await withoutHumanLabel(connection, reader, opinions) : opinions));
        const last = documents.at(-1);
        if (items.length > limit || documents.length < ask || last === undefined) break;
        after = { evaluatedAt: last.evaluated_at, opinionId: String(last.opinion_id) };
      }
      const kept = items.slice(0, limit);
      const last = kept.at(-1);
      return {
        items: kept,
        next: items.length > limit && last !== undefined ? encodeCursor([last.evaluated_at, last.opinion_id]) : null,
      };
    },
  };
}

/** Inserts what is not there; gives the ids that another process inserted first. */
async function insertNew(connection: MongoConnection, opinions: readonly Opinion[], recordedAt: number): Promise<string[]> {
  const requeen = { recorded_at: new Date(recordedAt) };
  const documents = opinions.map((opinion) => ({ ...fieldsOf(opinion), _id: opinion.opinion_id, requeen }));
  const refused = await connection.insertFree("opinions", documents);
  return refused.map((index) => opinions[index]?.opinion_id ?? "");
}

interface Place {
  readonly evaluatedAt: unknown;
  readonly opinionId: string;
}

function placeOf(cursor: string): Place {
  const [ms, opinionId] = decodeCursor(cursor, ["number", "string"]);
  return { evaluatedAt: new Date(Number(ms)), opinionId: String(opinionId) };
}

const beyond = (after: Place | null): Filter<Stored>[] =>
  after === null
    ? []
    : [
        {
          $or: [
            { evaluated_at: { $lt: after.evaluatedAt } },
            { evaluated_at: after.evaluatedAt, opinion_id: { $lt: after.opinionId } },
          ],
        },
      ];

function serverFilter(filter: OpinionFilter): Filter<Stored> {
  const conditions: Filter<Stored> = {};
  if (filter.specialist !== undefined) conditions.specialist_type = filter.specialist;
  if (filter.planId !== undefined) conditions.plan_id = filter.planId;
  if (filter.modelVersion !== undefined) conditions["model.version"] = filter.modelVersion;
  const range: { $gte?: Date; $lt?: Date } = {};
  if (filter.evaluatedFrom !== undefined) range.$gte = new Date(filter.evaluatedFrom);
  if (filter.evaluatedBefore !== undefined) range.$lt = new Date(filter.evaluatedBefore);
  if (Object.keys(range).length > 0) conditions.evaluated_at = range;
  if (filter.pending === true) conditions.state = { $ne: "generated" };
  return conditions;
}

async function withoutHumanLabel(
  connection: MongoConnection,
  reader: DocumentReader,
  opinions: readonly Opinion[],
): Promise<Opinion[]> {
  const said = await saidOf(
    connection,
    reader,
    opinions.map((opinion) => opinion.opinion_id),
  );
  const labelled = labelledByPeople(said);
  return opinions.filter((opinion) => !labelled.has(opinion.opinion_id));
}

const labelledByPeople = (said: readonly Said[]): Set<string> =>
  new Set(
    currentOf(said)
      .filter(({ feedback }) => isHuman(feedback.evidence.tier))
      .map(({ feedback }) => feedback.opinion_id),
  );

/** Ids of the opinions that fit, a thousand at a time, in the order of ids. */
async function* opinionIdPages(connection: MongoConnection, filter: Filter<Stored>): AsyncGenerator<string[]> {
  const options = { sort: { opinion_id: 1 }, limit: 1_000, projection: { opinion_id: 1 } } as const;
  for (let after = ""; ; ) {
    const documents = await connection.find("opinions", { $and: [filter, { opinion_id: { $gt: after } }] }, options);
    const ids = documents.map((document) => String(document.opinion_id));
    if (ids.length > 0) yield ids;
    const last = ids.at(-1);
    if (ids.length < options.limit || last === undefined) return;
    after = last;
  }
}
