import { buildApp } from "../../../src/http/app.ts";
import { openToyHouse } from "./open-house.ts";

/** A server that is killed after the effect of a request is stored and before its answer is: `answer-and-die.ts FOLDER PATH BODY KEY NOW`. */
const [folder = "", path = "", body = "", key = "", now = ""] = process.argv.slice(2);
const { house } = await openToyHouse(folder, () => Number(now));
const store = new Proxy(house.store, {
  get(target, name) {
    if (name === "answerRequest") return () => process.kill(process.pid, "SIGKILL");
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const app = await buildApp({
  house: { ...house, store },
  authenticate: async () => ({
    subject: "anna",
    roles: ["admin"],
    specialists: null,
    channel: "person",
    via: "admin_token",
    expiresAtMs: null,
  }),
  mlflow: null,
  logger: false,
});
await app.inject({
  method: "POST",
  url: `/api/v1${path}`,
  headers: { host: "localhost", "content-type": "application/json", "idempotency-key": key },
  payload: body,
});
