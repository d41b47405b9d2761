/** A list for an answer: an empty one is left out, as protobuf does. */
export const someOrNone = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);
