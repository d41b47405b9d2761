import type { Filter } from "mongodb";
import { isHuman } from "../../core/evidence.ts";
import type { Run } from "../../core/run.ts";
import { arrivalTier, withTier } from "../judgements.ts";
import { type ExportPage, type MovableStore, type MovedRecords, OWN_SETTINGS, type RecordKind } from "../movable.ts";
import { fieldsOf, fromBson, toBson } from "./bson-form.ts";
import type { CollectionName, MongoConnection, Stored } from "./connection.ts";
import type { DocumentReader } from "./originals.ts";
import { quarantineDocument, quarantineOf, recordOf } from "./records.ts";
import { claimKey, claimOf, seenDocument } from "./review.ts";
import { runDocument, runOf } from "./runs.ts";
import { saidOf, WITHOUT_BULK, withStates } from "./said.ts";
import type { WaitingRing } from "./waiting.ts";

interface Mover<K extends RecordKind> {
  /** A page of documents beyond a place, and the place of the last one. */
  readonly collection: CollectionName;
  /** Field by which pages go. */
  readonly key: string;
  read(documents: Stored[]): Promise<MovedRecords[K][]>;
  write(records: readonly MovedRecords[K][]): Promise<number>;
}

/** Documents of the original system come out as ours, in the order of their ids; what cannot be read comes out of the quarantine. */
export function moveMethods(
  connection: MongoConnection,
  reader: DocumentReader,
  ring: WaitingRing,
  now: () => number,
): Pick<MovableStore, "exportRecords" | "importRecords"> {
  const insert = async (collection: CollectionName, documents: readonly Stored[]): Promise<number> =>
    documents.length - (await connection.insertFree(collection, documents)).length;

  function recordMover<K extends "datasets" | "verdicts" | "deployments" | "audit" | "tokens">(
    collection: K,
    idOf: (record: MovedRecords[K]) => string | number,
  ): Mover<K> {
    return {
      collection,
      key: "_id",
      read: async (documents) => documents.map((document) => recordOf<MovedRecords[K]>(document)),
      write: (records) =>
        insert(
          collection,
          records.map((record) => ({ ...fieldsOf(record), _id: idOf(record) })),
        ),
    };
  }

  const movers: { readonly [K in Exclude<RecordKind, "feedback">]: Mover<K> } = {
    opinions: {
      collection: "opinions",
      key: "opinion_id",
      read: (documents) => reader.opinions(documents),
      async write(opinions) {
        const waiting = opinions.filter(({ state }) => state !== "generated");
        await ring.add(waiting.map(({ opinion_id, specialist_type }) => ({ opinion_id, specialist: specialist_type })));
        const requeen = { recorded_at: new Date(now()) };
        return insert(
          "opinions",
          opinions.map((opinion) => ({ ...fieldsOf(opinion), _id: opinion.opinion_id, requeen })),
        );
      },
    },
    runs: {
      collection: "runs",
      key: "trigger_id",
      read: async (documents) => documents.map(runOf).filter((run) => run !== null),
      async write(runs) {
        const running = runs.filter((run: Run) => run.state === "running");
        await insert(
          "runClaims",
          running.map((run) => ({ _id: run.specialist, run: toBson(run) })),
        );
        return insert("runs", runs.map(runDocument));
      },
    },
    datasets: recordMover("datasets", (record) => record.dataset_id),
    verdicts: recordMover("verdicts", (record) => record.verdict_id),
    deployments: recordMover("deployments", (record) => record.deployment_id),
    audit: recordMover("audit", (record) => record.sequence),
    tokens: recordMover("tokens", (record) => record.token_id),
    quarantine: {
      collection: "quarantine",
      key: "_id",
      read: async (documents) => documents.map(quarantineOf),
      write: (entries) => insert("quarantine", entries.map(quarantineDocument)),
    },
    claims: {
      collection: "claims",
      key: "_id",
      read: async (documents) => documents.map(claimOf),
      async write(moved) {
        const ids = moved.map(({ opinion_id }) => opinion_id);
        const known = new Map<string, { turn: number; claims: Set<string> }>();
        for (const { opinion_id, claim_id, turn } of await connection.findByIds("claims", "opinion_id", ids)) {
          const of = known.get(String(opinion_id)) ?? { turn: 0, claims: new Set<string>() };
          of.claims.add(String(claim_id));
          known.set(String(opinion_id), { turn: Math.max(of.turn, Number(turn)), claims: of.claims });
        }
        const documents: Stored[] = [];
        for (const claim of moved.toSorted((a, b) => a.claimed_at - b.claimed_at)) {
          const of = known.get(claim.opinion_id) ?? { turn: 0, claims: new Set<string>() };
          if (of.claims.has(claim.claim_id)) continue;
          of.claims.add(claim.claim_id);
          known.set(claim.opinion_id, { turn: of.turn + 1, claims: of.claims });
          documents.push({ ...fieldsOf(claim), turn: of.turn + 1, _id: claimKey(claim.opinion_id, of.turn + 1) });
        }
        return insert("claims", documents);
      },
    },
    seen: {
      collection: "seen",
      key: "_id",
      read: async (documents) => documents.map((document) => recordOf<MovedRecords["seen"]>(document)),
      write: (records) => insert("seen", records.map(seenDocument)),
    },
    settings: {
      collection: "settings",
      key: "_id",
      read: async (documents) =>
        documents
          .map(({ _id, value }) => ({ key: String(_id), value: fromBson(value) }))
          .filter(({ key }) => !OWN_SETTINGS.test(key)),
      write: (settings) =>
        insert(
          "settings",
          settings.map(({ key, value }) => ({ _id: key, value: toBson(value) })),
        ),
    },
    leases: {
      collection: "leases",
      key: "_id",
      read: async (documents) => documents.map(({ _id, fence }) => ({ name: String(_id), fence: Number(fence) })),
      write: (leases) =>
        insert(
          "leases",
          leases.map(({ name, fence }) => ({ _id: name, owner: null, fence, expires_at: new Date(0) })),
        ),
    },
  };

  return {
    async exportRecords<K extends RecordKind>(kind: K, cursor: string | null, limit: number): Promise<ExportPage<K>> {
      if (kind === "feedback") return (await exportFeedback(connection, reader, cursor, limit)) as ExportPage<K>;
      const { collection, key, read } = movers[kind as Exclude<K, "feedback">];
      const after: unknown = cursor === null ? null : JSON.parse(cursor); // ours, from below
      const filter: Filter<Stored> = after === null ? {} : { [key]: { $gt: after } };
      const documents = await connection.find(collection, filter, { sort: { [key]: 1 }, limit });
      const last = documents.at(-1)?.[key];
      return {
        records: (await read(documents)) as MovedRecords[K][],
        cursor: documents.length < limit ? null : JSON.stringify(last),
      };
    },

    async importRecords<K extends RecordKind>(kind: K, records: readonly MovedRecords[K][]): Promise<number> {
      if (kind === "feedback") return importFeedback(connection, ring, records as readonly MovedRecords["feedback"][]);
      const { write } = movers[kind as Exclude<K, "feedback">] as Mover<K>;
      return write(records);
    },
  };
}

/** First the original system's, by their ids, under -n to -1; then ours, by sequence. The cursor is the last number. */
async function exportFeedback(
  connection: MongoConnection,
  reader: DocumentReader,
  cursor: string | null,
  limit: number,
): Promise<ExportPage<"feedback">> {
  const after = cursor === null ? Number.NEGATIVE_INFINITY : Number(cursor);
  const foreign: Filter<Stored> = { _id: { $type: "objectId" } };
  const count = await connection.guard(() => connection.collection("feedback").countDocuments(foreign));
  const begin = Math.max(after + 1, -count);
  const numbered: { document: Stored; sequence: number }[] = [];
  if (begin < 0) {
    const options = { sort: { _id: 1 }, skip: begin + count, limit, projection: WITHOUT_BULK } as const;
    const documents = await connection.find("feedback", foreign, options);
    documents.forEach((document, index) => void numbered.push({ document, sequence: begin + index }));
  } else {
    // negative ones were moved here before
    const beyond: Filter<Stored> = { _id: { $gt: count > 0 ? Math.max(after, -1) : Math.max(after, Number.MIN_SAFE_INTEGER) } };
    const documents = await connection.find("feedback", beyond, { sort: { _id: 1 }, limit });
    for (const document of documents) numbered.push({ document, sequence: Number(document._id) });
  }
  const sequences = new Map(numbered.map(({ document, sequence }) => [document._id, sequence]));
  const read = await reader.feedback(numbered.map(({ document }) => document));
  const said = await saidOf(
    connection,
    reader,
    read.map(({ feedback }) => feedback.opinion_id),
  );
  const states = new Map(withStates(said).map((feedback) => [feedback.feedback_id, feedback]));
  const records = read.flatMap(({ feedback, document, retracted }) => {
    const stored = states.get(feedback.feedback_id);
    const sequence = sequences.get(document._id);
    if (stored === undefined || sequence === undefined) return [];
    const marks = document.requeen as { retracted_at?: Date } | undefined;
    return [{ ...stored, sequence, retracted_at: retracted ? (marks?.retracted_at?.getTime() ?? null) : null }];
  });
  const last = numbered.at(-1)?.sequence;
  const ends = last === undefined || (begin >= 0 && numbered.length < limit);
  return { records, cursor: ends ? null : String(last) };
}

async function importFeedback(
  connection: MongoConnection,
  ring: WaitingRing,
  records: readonly MovedRecords["feedback"][],
): Promise<number> {
  const ids = records.map((record) => record.opinion_id);
  const opinions = await connection.findByIds("opinions", "opinion_id", ids, {
    projection: { opinion_id: 1, "features.schema": 1 },
  });
  const schemas = new Map(
    opinions.map((opinion) => [opinion.opinion_id, (opinion.features as { schema?: string } | null | undefined)?.schema ?? null]),
  );
  const documents = records.map(({ state, sequence, recorded_at, retracted_at, ...feedback }) => ({
    ...fieldsOf(withTier(feedback, arrivalTier(feedback))),
    _id: sequence,
    requeen: {
      recorded_at: new Date(recorded_at),
      feature_schema: schemas.get(feedback.opinion_id) ?? null,
      ...(retracted_at === null ? {} : { retracted_at: new Date(retracted_at) }),
      ...(feedback.evidence.demoted_from === null ? {} : { tier: feedback.evidence.tier }),
    },
  }));
  const written = documents.length - (await connection.insertFree("feedback", documents)).length;
  await connection.countMark(); // moved ones may have numbers before the last
  const judged = records.filter(({ state, evidence }) => state === "current" && isHuman(evidence.tier));
  await ring.remove(judged.map(({ opinion_id }) => opinion_id));
  return written;
}
