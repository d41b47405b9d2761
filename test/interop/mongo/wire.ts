import { BSON } from "mongodb";

/** One message of MongoDB's protocol, as far as these tests look into it. Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
export interface WireMessage {
  readonly requestId: number;
  readonly responseTo: number;
  readonly opCode: number;
  readonly bytes: Buffer;
}

export const OP_REPLY = 1;
export const OP_MSG = 2013;
const HEADER = 16;
/** flags of OP_MSG; of OP_REPLY: flags, cursor, start, count. */
const BODY_AT: Readonly<Record<number, number>> = { [OP_MSG]: HEADER + 5, [OP_REPLY]: HEADER + 20 };

/** Cuts a stream of bytes into whole messages. */
export class MessageReader {
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  read(chunk: Buffer): WireMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: WireMessage[] = [];
    while (this.#rest.length >= HEADER && this.#rest.length >= this.#rest.readInt32LE(0)) {
      const bytes = Buffer.from(this.#rest.subarray(0, this.#rest.readInt32LE(0)));
      this.#rest = this.#rest.subarray(bytes.length);
      messages.push({ bytes, requestId: bytes.readInt32LE(4), responseTo: bytes.readInt32LE(8), opCode: bytes.readInt32LE(12) });
    }
    return messages;
  }
}

/** The command or answer itself: the first document of the body. */
export function bodyOf({ bytes, opCode }: WireMessage): BSON.Document | null {
  const at = BODY_AT[opCode];
  if (at === undefined || (opCode === OP_MSG && bytes[HEADER + 4] !== 0)) return null;
  return BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)), { promoteValues: false, promoteBuffers: false });
}

/** The same message with another body; what follows the body (lists of documents) stays. */
export function withBody(message: WireMessage, body: BSON.Document): WireMessage {
  const at = BODY_AT[message.opCode];
  if (at === undefined) throw new Error(`no body in a message of kind ${message.opCode}`);
  const after = message.bytes.subarray(at + message.bytes.readInt32LE(at));
  const bytes = Buffer.concat([message.bytes.subarray(0, at), Buffer.from(BSON.serialize(body)), after]);
  bytes.writeInt32LE(bytes.length, 0);
  return { ...message, bytes };
}

/** An answer of ours to a command. */
export function answerTo({ requestId }: WireMessage, body: BSON.Document): Buffer {
  const document = Buffer.from(BSON.serialize(body));
  const head = Buffer.alloc(HEADER + 5);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(requestId + 1_000_000, 4);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([head, document]);
}

export const commandName = (body: BSON.Document): string => Object.keys(body)[0] ?? "";
