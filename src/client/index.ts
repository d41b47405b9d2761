/** `requeen/client`: the HTTP API from TypeScript, in browsers and in Node. */
export type * from "./api-types.ts";
export {
  type AnswerOf,
  type Client,
  type ClientOptions,
  createClient,
  type LiveEvent,
  type RawBody,
  RequeenProblem,
  type RequestFor,
} from "./client.ts";
