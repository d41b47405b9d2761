import type { QuarantineEntry } from "../../core/audit.ts";
import type { Channel } from "../../core/evidence.ts";
import type { Feedback } from "../../core/feedback.ts";
import { headOf, type Opinion, type OpinionHead } from "../../core/opinion.ts";
import { type Problem, readFeedback, readOpinion } from "../../core/read-documents.ts";
import { fromBson, toPlain } from "./bson-form.ts";
import { COLLECTIONS, type MongoConnection, type Stored } from "./connection.ts";

/** Parts of an opinion that are read for itself alone, and that may be large. */
export const WITHOUT_PLAN = {
  cognitive_plan: 0,
  "features.values": 0,
  "requeen.cognitive_plan": 0,
  "requeen.features.values": 0,
} as const;

/**
 * Reads documents of both kinds: ours (they carry a `requeen` part) and those that the original system left in place. What cannot be read
 * goes to the quarantine, once, and is left out of the answer.
 */
export class DocumentReader {
  readonly #connection: MongoConnection;
  readonly #channel: Channel;
  readonly #now: () => number;
  readonly #reported = new Set<string>();

  /** @param channel how feedback of the original system counts as having arrived. */
  constructor(connection: MongoConnection, channel: Channel, now: () => number) {
    this.#connection = connection;
    this.#channel = channel;
    this.#now = now;
  }

  async opinions(documents: readonly Stored[]): Promise<Opinion[]> {
    const read: Opinion[] = [];
    for (const document of documents) {
      if (isOurs(document)) {
        read.push(bodyOf<Opinion>(document));
        continue;
      }
      const result = readOpinion(toPlain(withoutMarks(document)));
      if (result.ok) read.push(withAdditions(result.value, document));
      else await this.#report("opinion", document, result.problems);
    }
    return read;
  }

  async feedback(documents: readonly Stored[]): Promise<Said[]> {
    const foreign = documents.filter((document) => !isOurs(document));
    const opinions = await this.#opinionsOf(foreign);
    const read: Said[] = [];
    for (const document of documents) {
      const marks = (document.requeen ?? {}) as Marks;
      const times = {
        sequence: sequenceOf(document),
        recorded_at: marks.recorded_at?.getTime() ?? 0,
        retracted: marks.retracted_at !== undefined,
      };
      if (isOurs(document)) {
        read.push({ ...times, tier: marks.tier ?? null, feedback: bodyOf<Feedback>(document), document });
        continue;
      }
      const opinion = opinions.get(String(document.opinion_id)) ?? null;
      const { vouched_by } = marks;
      const context = {
        channel: vouched_by === undefined ? this.#channel : ("import_vouched" as const),
        reviewer: null,
        shownOpinion: null,
        opinion,
        fallbackId: () => `mongodb-${String(document._id)}`,
      };
      const result = readFeedback(toPlain(withoutMarks(document)), context);
      if (result.ok) {
        const { value } = result;
        const feedback = vouched_by === undefined ? value : { ...value, metadata: { ...value.metadata, vouched_by } };
        read.push({ ...times, tier: marks.tier ?? null, feedback, document });
      } else await this.#report("feedback", document, result.problems);
    }
    return read;
  }

  /** Foreign feedback may lack plan and specialist, which its opinion knows. */
  async #opinionsOf(feedback: readonly Stored[]): Promise<Map<string, OpinionHead>> {
    const ids = feedback.map((document) => document.opinion_id).filter((id) => typeof id === "string");
    const documents = await this.#connection.findByIds("opinions", "opinion_id", ids, { projection: WITHOUT_PLAN });
    return new Map((await this.opinions(documents)).map((opinion) => [opinion.opinion_id, headOf(opinion)]));
  }

  async #report(kind: QuarantineEntry["kind"], document: Stored, problems: Problem[]): Promise<void> {
    const collection = COLLECTIONS[kind === "opinion" ? "opinions" : "feedback"];
    const _id = `mongodb:${collection}:${String(document._id)}`;
    if (this.#reported.has(_id)) return;
    const source = `MongoDB collection ${collection}`;
    const entry = {
      quarantine_id: _id,
      kind,
      document: JSON.stringify(toPlain(document)),
      problems,
      source,
      at: this.#now(),
      state: "waiting",
    };
    await this.#connection.insertIfFree("quarantine", { ...entry, _id });
    this.#reported.add(_id);
  }
}

/** What the store adds to a feedback document, under `requeen`. */
interface Marks {
  recorded_at?: Date;
  retracted_at?: Date;
  /** The tier after forensics; absent: as it arrived. */
  tier?: Feedback["evidence"]["tier"];
  /** Who answers for a document of the original system; see `OriginalDocuments`. */
  vouched_by?: string;
}

/** What `OriginalDocuments.addVectors` put beside an opinion of the original system. */
interface OpinionMarks {
  features?: { schema: string; values?: (number | null)[] };
  group?: string;
  cognitive_plan?: unknown;
}

function withAdditions(opinion: Opinion, document: Stored): Opinion {
  const { features, group, cognitive_plan } = (document.requeen ?? {}) as OpinionMarks;
  if (features === undefined) return opinion;
  // written by us, after it had been checked; a projection may leave values and plan out
  const plan = cognitive_plan === undefined ? opinion.cognitive_plan : (fromBson(cognitive_plan) as Opinion["cognitive_plan"]);
  const values = features.values ?? [];
  return { ...opinion, group: group ?? opinion.group, cognitive_plan: plan, features: { schema: features.schema, values } };
}

/** Schema of an opinion's vector, in whichever of the two places it stands. */
export function schemaOfOpinion({ features, requeen }: Stored): string | null {
  const own = (features as { schema?: string } | null | undefined)?.schema;
  return own ?? (requeen as OpinionMarks | undefined)?.features?.schema ?? null;
}

/** One judgement as read, before it is known whether it is the current one of its reviewer. */
export interface Said {
  readonly feedback: Feedback;
  /** The tier after forensics, or null: as in the feedback. */
  readonly tier: Feedback["evidence"]["tier"] | null;
  /** 0: written by the original system, before all of ours. */
  readonly sequence: number;
  readonly recorded_at: number;
  readonly retracted: boolean;
  readonly document: Stored;
}

export const isOurs = (document: Stored): boolean =>
  typeof document.requeen === "object" && document.requeen !== null && "recorded_at" in document.requeen;

const sequenceOf = (document: Stored): number => (typeof document._id === "number" ? document._id : 0);

function withoutMarks({ requeen, ...document }: Stored): Omit<Stored, "requeen"> {
  return document;
}

/** The document without what the store added. The type is trusted: the `requeen` part says that we wrote it, after it had been checked. */
export function bodyOf<T>(document: Stored): T {
  const { _id, requeen, ...body } = document;
  return fromBson(body) as T;
}
