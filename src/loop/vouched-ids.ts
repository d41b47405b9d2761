import { isRecord } from "./documents/cells.ts";
import { idOfContent } from "./fit-documents.ts";

/**
 * Documents that came without an id get one of the vouched kind, so that a file that was first imported without anybody vouching can be
 * imported again with somebody: the vouched judgement then replaces the other.
 */
export async function* withVouchedIds(documents: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const document of documents)
    yield isRecord(document) && document.feedback_id === undefined
      ? { ...document, feedback_id: idOfContent("feedback-vouched-", document) }
      : document;
}
