import type { Filter } from "mongodb";
import { isHuman } from "../../core/evidence.ts";
import { headOf } from "../../core/opinion.ts";
import type { WaitingOpinion } from "../../core/review.ts";
import { ringKey } from "../ring-key.ts";
import type { WaitingFilter } from "../store.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, WITHOUT_PLAN } from "./originals.ts";
import { currentOf, saidOf } from "./said.ts";

/** Opinions of the original system that are looked for at a time. */
const FOREIGN_BATCH = 1_000;
const SCAN_EVERY_MS = 5_000;
const SCANNED = "requeen:review_scanned";
/** Writers' clocks differ, and so do the times in their ObjectIds: what is younger than this is looked at again. */
const OVERLAP_SECONDS = 600;

/**
 * Which opinions wait for a person, in a collection of their own: `{_id: opinion_id, specialist, key}`. An entry is written before its opinion
 * and deleted after its judgement, so that a crash leaves an entry too many, never one too few; every entry is held against what was said
 * before it is given out, and those that wait no more are dropped then. Opinions that the original system writes beside us are added when
 * the queue is asked.
 */
export class WaitingRing {
  readonly #connection: MongoConnection;
  readonly #reader: DocumentReader;
  readonly #now: () => number;
  #scannedAtMs = Number.NEGATIVE_INFINITY;

  constructor(connection: MongoConnection, reader: DocumentReader, now: () => number) {
    this.#connection = connection;
    this.#reader = reader;
    this.#now = now;
  }

  async add(opinions: readonly { opinion_id: string; specialist: string }[]): Promise<void> {
    const documents = opinions.map(({ opinion_id, specialist }) => waitingEntry(opinion_id, specialist));
    await this.#connection.insertFree("waiting", documents);
  }

  async remove(opinionIds: readonly string[]): Promise<void> {
    if (opinionIds.length === 0) return;
    await this.#connection.guard(() => this.#connection.collection("waiting").deleteMany({ _id: { $in: [...opinionIds] } }));
  }

  async count(specialist: string): Promise<number> {
    await this.#addForeign();
    return this.#connection.guard(() => this.#connection.collection("waiting").countDocuments({ specialist }));
  }

  async waits(opinionId: string): Promise<boolean> {
    const entry = await this.#connection.findOne("waiting", { _id: opinionId });
    return entry !== null && (await this.#judged([opinionId])).size === 0;
  }

  async list(filter: WaitingFilter, fromKey: number, direction: "up" | "down", limit: number): Promise<WaitingOpinion[]> {
    await this.#addForeign();
    const found: WaitingOpinion[] = [];
    let after: { key: number; id: string } | null = null;
    while (found.length < limit) {
      const ask: number = Math.max(100, limit - found.length);
      const entries: Stored[] = await this.#page(filter.specialist, fromKey, direction, after, ask);
      found.push(...(await this.#fit(entries, filter)));
      const last = entries.at(-1);
      if (entries.length < ask || last === undefined) break;
      after = { key: Number(last.key), id: String(last._id) };
    }
    return found.slice(0, limit);
  }

  #page(
    specialist: string,
    fromKey: number,
    direction: "up" | "down",
    after: { key: number; id: string } | null,
    limit: number,
  ): Promise<Stored[]> {
    const [beyond, sort] = direction === "up" ? (["$gt", 1] as const) : (["$lt", -1] as const);
    const place: Filter<Stored> =
      after === null
        ? { key: direction === "up" ? { $gte: fromKey } : { $lt: fromKey } }
        : { $or: [{ key: { [beyond]: after.key } }, { key: after.key, _id: { [beyond]: after.id } }] };
    return this.#connection.find("waiting", { $and: [{ specialist }, place] }, { sort: { key: sort, _id: sort }, limit });
  }

  /** Of these entries the ones that the filter lets through, with what the queue shows of them. */
  async #fit(entries: readonly Stored[], filter: WaitingFilter): Promise<WaitingOpinion[]> {
    const ids = entries.map((entry) => String(entry._id));
    const held: Filter<Stored>[] = [
      { state: "open", expires_at: { $gt: new Date(filter.now) } },
      { state: "skipped", reviewer: filter.reviewer, closed_at: { $gte: new Date(filter.skippedSince) } },
    ];
    const [judged, claims, seen, opinions] = await Promise.all([
      this.#judged(ids),
      this.#connection.find("claims", { opinion_id: { $in: ids }, $or: held }, { projection: { opinion_id: 1 } }),
      filter.unseen
        ? this.#connection.find(
            "seen",
            { reviewer: filter.reviewer, opinion_id: { $in: ids } },
            { projection: { opinion_id: 1 } },
          )
        : [],
      this.#connection
        .findByIds("opinions", "opinion_id", ids, { projection: WITHOUT_PLAN })
        .then((found) => this.#reader.opinions(found)),
    ]);
    await this.#drop(ids.filter((id) => judged.has(id)));
    const out = new Set([...judged, ...[...claims, ...seen].map((document) => String(document.opinion_id))]);
    const heads = new Map(opinions.map((opinion) => [opinion.opinion_id, headOf(opinion)]));
    return entries.flatMap((entry): WaitingOpinion[] => {
      const head = heads.get(String(entry._id));
      if (head === undefined || out.has(head.opinion_id)) return [];
      const { opinion_id, plan_id, recommendation, confidence_score } = head;
      return [
        { opinion_id, plan_id, specialist: String(entry.specialist), key: Number(entry.key), recommendation, confidence_score },
      ];
    });
  }

  async #judged(ids: readonly string[]): Promise<Set<string>> {
    const said = currentOf(await saidOf(this.#connection, this.#reader, ids));
    return new Set(said.filter(({ feedback }) => isHuman(feedback.evidence.tier)).map(({ feedback }) => feedback.opinion_id));
  }

  /** Drops entries that wait no more. A judgement taken back at the same moment is seen by the second look. */
  async #drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const entries = await this.#connection.findByIds("waiting", "_id", ids);
    await this.remove(ids);
    const judged = await this.#judged(ids);
    await this.#connection.insertFree(
      "waiting",
      entries.filter((entry) => !judged.has(String(entry._id))),
    );
  }

  /** Opinions that another program has written since we looked last: their ids are ObjectIds, which grow with time. */
  async #addForeign(): Promise<void> {
    if (this.#now() - this.#scannedAtMs < SCAN_EVERY_MS) return;
    const { objectId } = this.#connection;
    const stored = await this.#connection.findOne("settings", { _id: SCANNED });
    let after = typeof stored?.value === "string" ? stored.value : null;
    for (;;) {
      const beyond = after === null ? {} : { $gt: objectId(after) };
      const filter: Filter<Stored> = { _id: { $type: "objectId" as const, ...beyond } };
      const options = { sort: { _id: 1 }, limit: FOREIGN_BATCH, projection: { opinion_id: 1, specialist_type: 1 } } as const;
      const documents = await this.#connection.find("opinions", filter, options);
      const named = documents.filter(({ opinion_id, specialist_type }) => [opinion_id, specialist_type].every(isText));
      await this.add(
        named.map(({ opinion_id, specialist_type }) => ({
          opinion_id: String(opinion_id),
          specialist: String(specialist_type),
        })),
      );
      const last = documents.at(-1);
      if (last === undefined) break;
      const id = String(last._id);
      const isEnd = documents.length < FOREIGN_BATCH;
      const place = isEnd ? earlier(id, after) : id;
      if (place !== after) await this.#connection.put("settings", { _id: SCANNED, value: place });
      if (isEnd) break;
      after = id;
    }
    this.#scannedAtMs = this.#now();
  }
}

export const waitingEntry = (opinionId: string, specialist: string): Stored => ({
  _id: opinionId,
  specialist,
  key: ringKey(opinionId),
});

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

/** The place ten minutes before the ObjectId, but not before where we stood. */
function earlier(id: string, after: string | null): string {
  const seconds = Math.max(0, Number.parseInt(id.slice(0, 8), 16) - OVERLAP_SECONDS);
  const place = seconds.toString(16).padStart(8, "0") + "0".repeat(16);
  return after !== null && place < after ? after : place;
}
