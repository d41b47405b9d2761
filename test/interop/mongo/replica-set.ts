import { connect, createServer, type Socket } from "node:net";
import type { BSON } from "mongodb";
import { answerTo, bodyOf, commandName, MessageReader, OP_MSG, type WireMessage, withBody } from "./wire.ts";

const WRITES = new Set(["insert", "update", "delete", "findAndModify"]);
const NOT_PRIMARY = {
  ok: 0,
  code: 10_107,
  codeName: "NotWritablePrimary",
  errmsg: "not primary",
  errorLabels: ["RetryableWriteError"],
};

export interface ReplicaSet extends AsyncDisposable {
  readonly uri: string;
  /** So many of the next writes are refused as by a member that is primary no more. */
  refusedWrites: number;
  /** What happens to the next commits: `cut`: the connection ends before the server hears of it. */
  commits: "done" | "cut";
  /** Transactions that were committed, and inserts that were held back for one. */
  readonly seen: { committed: number; aborted: number; held: number };
}

/**
 * A proxy that makes a server alone look like the primary of a replica set, with transactions of inserts: they are held back until the
 * commit and then given to the server one after another. What a real set does with them is its own business; here it is held that we ask
 * for the right things in the right order, and what is stored when an end comes in between.
 */
export async function startReplicaSet(target: string): Promise<ReplicaSet> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const state = { refusedWrites: 0, commits: "done" as ReplicaSet["commits"], seen: { committed: 0, aborted: 0, held: 0 } };
  let me = "";

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const fromClient = new MessageReader();
    const fromServer = new MessageReader();
    const held = new Map<string, WireMessage[]>();
    /** Answers of the server that are for us: inserts of a commit. */
    const ours = new Map<number, (body: BSON.Document) => void>();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut line is what these tests are about
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }

    const insertNow = (message: WireMessage): Promise<BSON.Document> => {
      upstream.write(message.bytes);
      return new Promise((resolve) => ours.set(message.requestId, resolve));
    };
    const commit = async (message: WireMessage, key: string): Promise<void> => {
      if (state.commits === "cut") return void client.destroy();
      for (const insert of held.get(key) ?? []) {
        const answer = await insertNow(insert);
        if (Array.isArray(answer.writeErrors) || Number(answer.ok) !== 1)
          throw new Error(`the insert of a transaction failed: ${JSON.stringify(answer)}`);
      }
      held.delete(key);
      state.seen.committed += 1;
      client.write(answerTo(message, { ok: 1 }));
    };
    const onCommand = (message: WireMessage): void => {
      const body = message.opCode === OP_MSG ? bodyOf(message) : null;
      if (body === null) return void upstream.write(message.bytes);
      const name = commandName(body);
      if (WRITES.has(name) && state.refusedWrites > 0) {
        state.refusedWrites -= 1;
        return void client.write(answerTo(message, NOT_PRIMARY));
      }
      const { lsid, txnNumber, startTransaction, autocommit, readConcern, $clusterTime, ...command } = body;
      const key = String(txnNumber ?? "");
      if (name === "commitTransaction") return void commit(message, key);
      if (name === "abortTransaction") {
        held.delete(key);
        state.seen.aborted += 1;
        return void client.write(answerTo(message, { ok: 1 }));
      }
      if (autocommit === undefined) return void upstream.write(message.bytes);
      if (name !== "insert") throw new Error(`a transaction asks for ${name}`);
      if (startTransaction === true) held.set(key, []);
      held.get(key)?.push(withBody(message, command));
      state.seen.held += 1;
      const count = Array.isArray(command.documents) ? command.documents.length : 0;
      client.write(answerTo(message, { ok: 1, n: count }));
    };
    const onAnswer = (message: WireMessage): void => {
      const body = bodyOf(message);
      const mine = ours.get(message.responseTo);
      if (mine !== undefined && body !== null) {
        ours.delete(message.responseTo);
        mine(body);
        return;
      }
      const isHello = body !== null && ("ismaster" in body || "isWritablePrimary" in body);
      if (!isHello) return void client.write(message.bytes);
      const set = {
        setName: "rs0",
        setVersion: 1,
        hosts: [me],
        primary: me,
        me,
        ismaster: true,
        isWritablePrimary: true,
        secondary: false,
      };
      client.write(withBody(message, { ...body, ...set, logicalSessionTimeoutMinutes: 30 }).bytes);
    };
    client.on("data", (chunk) => fromClient.read(chunk).forEach(onCommand));
    upstream.on("data", (chunk) => fromServer.read(chunk).forEach(onAnswer));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  me = `127.0.0.1:${address.port}`;
  return Object.assign(state, {
    uri: `mongodb://${me}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  });
}
