import { isRequeenError, RequeenError } from "../../core/errors.ts";

export interface TogetherLimits {
  /** Items of one group, about: a call that begins below it is taken whole. */
  readonly groupItems: number;
  /** Items that may wait; beyond it a call is refused with `overloaded`, unless nothing waits at all. */
  readonly waitingItems: number;
}

interface Call<In, Out> {
  readonly items: readonly In[];
  readonly resolve: (answers: Out[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Calls that arrive while one is under way join the next one, in order: many callers cost the server as much as one, and do not compete for
 * the same sequence numbers. When a group fails for another reason than that the store is away, its calls are tried one by one, so that the
 * one at fault does not fail its neighbours.
 * @param work gives one answer an item, in order
 */
export function together<In, Out>(
  work: (items: readonly In[]) => Promise<Out[]>,
  { groupItems, waitingItems }: TogetherLimits,
): (items: readonly In[]) => Promise<Out[]> {
  let waiting: Call<In, Out>[] = [];
  let count = 0; // items of all that wait
  let busy = false;

  const takeGroup = (): Call<In, Out>[] => {
    let [calls, items] = [0, 0];
    for (; calls < waiting.length && (calls === 0 || items < groupItems); calls += 1) items += waiting[calls]?.items.length ?? 0;
    const group = waiting.slice(0, calls);
    waiting = waiting.slice(calls);
    count -= items;
    return group;
  };

  const runGroup = async (group: readonly Call<In, Out>[]): Promise<void> => {
    try {
      const answers = await work(group.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, resolve } of group) {
        resolve(answers.slice(from, from + items.length));
        from += items.length;
      }
    } catch (error) {
      if (group.length > 1 && !isRequeenError(error, "store_unavailable")) for (const call of group) await runGroup([call]);
      else for (const { reject } of group) reject(error);
    }
  };

  const run = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) await runGroup(takeGroup());
    busy = false;
  };

  return (items) => {
    if (waiting.length > 0 && count + items.length > waitingItems)
      return Promise.reject(
        new RequeenError("overloaded", `${count} judgements wait to be stored, and no more than ${waitingItems} may`, {
          waiting: count,
          limit: waitingItems,
        }),
      );
    return new Promise((resolve, reject) => {
      waiting.push({ items, resolve, reject });
      count += items.length;
      if (!busy) void run();
    });
  };
}
