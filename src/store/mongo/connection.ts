import type { ClientSession, Collection, Db, Document, Filter, FindOptions, ObjectId, Sort } from "mongodb";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { duplicateIndexes, foundNoServer, isTaken, isUnknownCommand, translateMongoError } from "./mongo-errors.ts";

/** A document as it stands in a collection: `_id` is ours (text or a number) or an ObjectId of another writer. */
export interface Stored {
  _id: string | number | ObjectId;
  [name: string]: unknown;
}

/** Collections by DESIGN.md section 5; those from quarantine on have no counterpart in the original system. */
export const COLLECTIONS = {
  opinions: "specialist_opinions",
  feedback: "specialist_feedback",
  runs: "retraining_triggers",
  datasets: "datasets",
  verdicts: "verdicts",
  deployments: "deployments",
  audit: "audit_log",
  quarantine: "quarantine",
  claims: "review_queue",
  waiting: "review_waiting",
  seen: "review_seen",
  runClaims: "run_claims",
  leases: "leases",
  settings: "settings",
  tokens: "tokens",
  requests: "remembered_requests",
} as const;
export type CollectionName = keyof typeof COLLECTIONS;

const MARKS = "requeen:marks";
/** Ids of one `$in`. */
const IDS_PER_QUERY = 1_000;

/** What a connection needs of the driver's client. */
interface Driver {
  readonly objectId: MongoConnection["objectId"];
  readonly startSession: () => ClientSession;
  /** Ends all connections and monitors, and connects anew. */
  readonly reconnect: () => Promise<void>;
}

/** One database with its collections. Errors of the driver leave `guard` as RequeenErrors. */
export class MongoConnection {
  readonly place: string;
  /** An ObjectId out of its hex digits. */
  readonly objectId: (hex: string) => ObjectId;
  readonly #db: Db;
  readonly #breaker: CircuitBreaker;
  readonly #startSession: () => ClientSession;
  readonly #reconnect: () => Promise<void>;
  /** The driver found no server for as long as it waits for one. */
  #lost = false;
  /** The reconnection under way. */
  #comingBack: Promise<void> | null = null;
  /** Whether the server has transactions over several documents; see `probe`. */
  #transactions = false;

  /** @param place hosts and database, for messages; no secrets. */
  constructor(db: Db, place: string, breaker: CircuitBreaker, { objectId, startSession, reconnect }: Driver) {
    this.#db = db;
    this.#breaker = breaker;
    this.#startSession = startSession;
    this.#reconnect = reconnect;
    this.place = place;
    this.objectId = objectId;
  }

  collection<T extends { _id: Stored["_id"] } = Stored>(name: CollectionName): Collection<T> {
    return this.#db.collection<T>(COLLECTIONS[name]);
  }

  /**
   * One call of the driver; never around another `guard`, whose failure would count twice. After the driver has waited for a server in vain, the
   * next call connects anew first. Measured with mongodb 7.9: where the connection of its monitor is cut in the moment of a check, that check
   * never ends, and the driver sees no server any more although it is there.
   */
  guard<T>(work: () => Promise<T>): Promise<T> {
    return this.#breaker.run(async () => {
      try {
        if (this.#lost) await this.#comeBack();
        return await work();
      } catch (error) {
        if (foundNoServer(error)) this.#lost = true;
        throw translateMongoError(error, this.place);
      }
    });
  }

  /** However many calls wait for it, it is done once. */
  #comeBack(): Promise<void> {
    this.#comingBack ??= this.#reconnect()
      .then(() => {
        this.#lost = false;
      })
      .finally(() => {
        this.#comingBack = null;
      });
    return this.#comingBack;
  }

  /** Asks the server what it is: members of replica sets and routers of sharded clusters have transactions, a server alone has none. */
  async probe(): Promise<void> {
    const ask = (command: Document): Promise<Document> => this.guard(() => this.#db.command(command));
    const hello = await ask({ hello: 1 }).catch((error: unknown) => {
      if (!isUnknownCommand(error)) throw error;
      return ask({ isMaster: 1 }); // its name before 4.4.2
    });
    const isMember = typeof hello.setName === "string" || hello.msg === "isdbgrid";
    this.#transactions = isMember && typeof hello.logicalSessionTimeoutMinutes === "number";
  }

  /**
   * Inserts the documents in order, all of them or none where the server has transactions; where it has none, those before the first whose
   * key is taken. @returns how many are stored
   */
  async insertInOrder(name: CollectionName, documents: readonly Stored[]): Promise<number> {
    if (documents.length === 0) return 0;
    // one document is whole by itself
    if (this.#transactions && documents.length > 1) return this.#insertWhole(name, documents);
    try {
      await this.guard(() => this.collection(name).insertMany([...documents], { ordered: true }));
      return documents.length;
    } catch (error) {
      const [refused] = duplicateIndexes(error) ?? [];
      if (refused === undefined) throw error;
      return refused;
    }
  }

  async #insertWhole(name: CollectionName, documents: readonly Stored[]): Promise<number> {
    const session = this.#startSession();
    try {
      return await this.guard(async () => {
        session.startTransaction();
        await this.collection(name).insertMany([...documents], { ordered: true, session });
        await session.commitTransaction();
        return documents.length;
      });
    } catch (error) {
      // another writer took a number, before or during our transaction: nothing of ours is stored
      if (isTaken(error)) return 0;
      throw error;
    } finally {
      await session.endSession(); // aborts what was not committed
    }
  }

  find(name: CollectionName, filter: Filter<Stored>, options: FindOptions & { sort?: Sort } = {}): Promise<Stored[]> {
    return this.guard(() => this.collection(name).find(filter, options).toArray());
  }

  findOne(name: CollectionName, filter: Filter<Stored>, options: FindOptions = {}): Promise<Stored | null> {
    return this.guard(() => this.collection(name).findOne(filter, options));
  }

  /** Inserts the documents whose keys are free. @returns the indexes of the others. */
  async insertFree(name: CollectionName, documents: readonly Stored[]): Promise<number[]> {
    if (documents.length === 0) return [];
    return this.guard(async () => {
      try {
        await this.collection(name).insertMany([...documents], { ordered: false });
        return [];
      } catch (error) {
        const refused = duplicateIndexes(error);
        if (refused === null) throw error;
        return refused;
      }
    });
  }

  /** Inserts unless the `_id` is taken. @returns whether it was free. */
  async insertIfFree(name: CollectionName, document: Stored): Promise<boolean> {
    return (await this.insertFree(name, [document])).length === 0;
  }

  /** Writes the whole document under its `_id`, whether or not one is there. */
  async put(name: CollectionName, document: Stored): Promise<void> {
    const replace = async (): Promise<boolean> =>
      (await this.guard(() => this.collection(name).replaceOne({ _id: document._id }, document))).matchedCount === 1;
    // not an upsert: of two at once one would fail on some servers
    if ((await replace()) || (await this.insertIfFree(name, document))) return;
    await replace();
  }

  /** All documents whose `field` is one of `ids`: a query for each 1,000 ids, never one a row. */
  async findByIds(name: CollectionName, field: string, ids: Iterable<string>, options: FindOptions = {}): Promise<Stored[]> {
    const wanted = [...new Set(ids)];
    const found: Stored[] = [];
    for (let from = 0; from < wanted.length; from += IDS_PER_QUERY)
      found.push(...(await this.find(name, { [field]: { $in: wanted.slice(from, from + IDS_PER_QUERY) } }, options)));
    return found;
  }

  /** How often marks of stored judgements have changed: retracted, demoted, vouched for. */
  async marks(): Promise<number> {
    return Number((await this.findOne("settings", { _id: MARKS }))?.value ?? 0);
  }

  /** Call it after such a change. */
  async countMark(): Promise<void> {
    const settings = this.collection<{ _id: string; value: number }>("settings");
    const count = () => this.guard(() => settings.updateOne({ _id: MARKS }, { $inc: { value: 1 } }));
    if ((await count()).matchedCount === 0 && !(await this.insertIfFree("settings", { _id: MARKS, value: 1 }))) await count();
  }

  /** As `findByIds`, in a collection that is not ours. */
  async findElsewhere(collection: string, field: string, ids: Iterable<string>): Promise<Stored[]> {
    const wanted = [...new Set(ids)];
    const found: Stored[] = [];
    for (let from = 0; from < wanted.length; from += IDS_PER_QUERY) {
      const filter: Filter<Stored> = { [field]: { $in: wanted.slice(from, from + IDS_PER_QUERY) } };
      found.push(...(await this.guard(() => this.#db.collection<Stored>(collection).find(filter).toArray())));
    }
    return found;
  }
}
