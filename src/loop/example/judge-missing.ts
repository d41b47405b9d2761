import type { Opinion } from "../../core/opinion.ts";
import type { House } from "../house.ts";
import { type JudgeRequest, judge } from "../judge.ts";

/** Judges what has no opinion yet: an example that was interrupted goes on where it stopped. @returns all opinions, in the order asked. */
export async function judgeMissing(
  house: House,
  specialist: string,
  requests: readonly (JudgeRequest & { opinionId: string })[],
): Promise<Opinion[]> {
  const stored = await house.store.getOpinions(requests.map((request) => request.opinionId));
  const missing = requests.filter((_, index) => stored[index] === null);
  const judged = missing.length === 0 ? [] : await judge(house, specialist, missing);
  const byId = new Map(judged.map((opinion) => [opinion.opinion_id, opinion]));
  return requests.map(({ opinionId }, index) => {
    const opinion = stored[index] ?? byId.get(opinionId);
    if (opinion === undefined) throw new Error(`opinion ${opinionId} was neither stored nor judged`);
    return opinion;
  });
}
