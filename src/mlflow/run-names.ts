/** Names for runs and models that come without one: adjective-animal-number, as MLflow's users know them. The word lists are our own. */
const ADJECTIVES =
  "amber brisk calm clever crisp daring eager fair fleet gentle glad golden hardy honest jolly keen kind lively lucky mellow merry nimble noble patient placid polite proud quick quiet ready rosy sage serene sharp shy silver smooth snug solid spry steady stout sunny swift tidy true vivid warm wise witty".split(
    " ",
  );
const ANIMALS =
  "ant auk badger bat bear bee boar carp colt crab crane crow deer dove duck eel elk finch fox frog gnat goat goose gull hare hawk hen heron ibex jay kite koi lark lynx mole moth mouse newt otter owl pony quail ram raven robin seal shrew skunk stork swan toad trout vole wasp wren yak".split(
    " ",
  );

/** @param hex at least 12 hexadecimal digits of randomness; equal digits give equal names. */
export function nameFrom(hex: string): string {
  const pick = (start: number, range: number): number => Number.parseInt(hex.slice(start, start + 4), 16) % range;
  return `${ADJECTIVES[pick(0, ADJECTIVES.length)]}-${ANIMALS[pick(4, ANIMALS.length)]}-${pick(8, 1000)}`;
}
