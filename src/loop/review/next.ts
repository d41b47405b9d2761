import type { Dataset } from "../../core/dataset.ts";
import { RequeenError } from "../../core/errors.ts";
import { isHeld, type ReviewClaim, type ReviewMode, RING, type WaitingOpinion } from "../../core/review.ts";
import type { Specialist } from "../../core/specialist.ts";
import { type Drawn, drawForReview, REVIEW_WINDOW, type RingPart } from "../../decide/review-draw.ts";
import type { WaitingFilter } from "../../store/store.ts";
import { type House, specialistOf } from "../house.ts";
import { type ShownReview, showReview } from "./show.ts";

/** A reviewer who holds more than this must end some first: a page asks for a few ahead, a script does not drain the queue. */
const MOST_HELD = 20;
/** Draws again when another reviewer was faster. */
const MOST_DRAWS = 20;
/** Fewer labels than this of a class, and opinions of that class are preferred. */
const SCARCE_BELOW = 30;

export interface NextRequest {
  /** One specialist, or any of the house. */
  readonly specialist?: string | undefined;
  readonly mode: ReviewMode;
}

/**
 * Picks an opinion that waits, by chance (decide/review-draw.ts), and holds it for the reviewer. Of several specialists with something to
 * review, one is taken evenly. Null: nothing waits that this reviewer may judge in this mode.
 * @param house whose specialists are those of the reviewer's scope
 * @throws RequeenError specialist_not_found; conflict when the reviewer holds too many; the store's
 */
export async function nextForReview(
  house: House,
  reviewer: string,
  { specialist: name, mode }: NextRequest,
): Promise<ShownReview | null> {
  const now = house.now();
  const { items } = await house.store.listClaims({ reviewer, state: "open" }, { limit: 1_000 });
  const held = items.filter((claim) => isHeld(claim, now)).length;
  if (held >= MOST_HELD)
    throw new RequeenError("conflict", `${reviewer} holds ${held} opinions; submit, skip or release some first`, { held });
  const wanted = name === undefined ? house.specialists : [specialistOf(house, name)];
  for (let draw = 0; draw < MOST_DRAWS; draw += 1) {
    const drawn = await drawOne(house, wanted, filterOf(house, reviewer, mode));
    if (drawn === null) return null;
    const claim = claimOf(house, reviewer, mode, drawn);
    if (await house.store.addClaim(claim, now)) return showReview(house, claim);
  }
  throw new RequeenError("overloaded", "other reviewers took every opinion that was drawn; ask again", { draws: MOST_DRAWS });
}

type FilterOf = (specialist: string) => WaitingFilter;

const filterOf =
  (house: House, reviewer: string, mode: ReviewMode): FilterOf =>
  (specialist) => {
    const now = house.now();
    return { specialist, now, reviewer, skippedSince: now - house.review.skipCooldownMs, unseen: mode === "blind" };
  };

async function drawOne(house: House, wanted: readonly Specialist[], filter: FilterOf): Promise<Drawn<WaitingOpinion> | null> {
  const first = await Promise.all(wanted.map(({ name }) => house.store.listWaiting(filter(name), 0, "up", 1)));
  const open = wanted.filter((_, index) => (first[index]?.length ?? 0) > 0);
  const specialist = open[Math.floor(house.random() * open.length)];
  if (specialist === undefined) return null;
  const part = await ringAround(house, filter(specialist.name), Math.floor(house.random() * RING));
  const drawn = drawForReview(part, await weightsOf(house, specialist, part.items), house.review.randomShare, [
    house.random(),
    house.random(),
  ]);
  if (drawn === null) return null;
  const { item, propensity, basePropensity } = drawn;
  return { item, propensity: propensity / open.length, basePropensity: basePropensity / open.length };
}

/** Three windows' worth of the ring: at most four reads of an index, whatever waits. */
async function ringAround(house: House, filter: WaitingFilter, place: number): Promise<RingPart<WaitingOpinion>> {
  const least = 3 * REVIEW_WINDOW;
  const up = await house.store.listWaiting(filter, place, "up", least);
  const wrapped = up.length === least ? [] : await house.store.listWaiting(filter, 0, "up", least);
  const below = wrapped.filter(({ key }) => key < place);
  if (up.length + below.length < least) return { items: [...below, ...up], isWhole: true, ring: RING, place };
  const from = [...up, ...below.map((item) => ({ ...item, key: item.key + RING }))].slice(0, least - REVIEW_WINDOW - 1);
  const down = await house.store.listWaiting(filter, place, "down", REVIEW_WINDOW);
  const missing = REVIEW_WINDOW - down.length;
  const behind = missing === 0 ? [] : await house.store.listWaiting(filter, RING, "down", missing);
  const before = [...down, ...behind.map((item) => ({ ...item, key: item.key - RING }))].toReversed();
  return { items: [...before, ...from], isWhole: false, ring: RING, place };
}

/**
 * What an opinion's label would teach: how uncertain the model was, how many of the other specialists said otherwise of the same plan, and
 * whether labels of its class are scarce. The least weight keeps every opinion in reach.
 */
async function weightsOf(
  house: House,
  specialist: Specialist,
  items: readonly WaitingOpinion[],
): Promise<(item: WaitingOpinion) => number> {
  const [said, datasets] = await Promise.all([
    house.store.decisionsOn([...new Set(items.map(({ plan_id }) => plan_id))]),
    house.store.listDatasets({ specialist: specialist.name }, { limit: 1 }),
  ]);
  const ofPlan = Map.groupBy(
    said.filter((one) => one.specialist !== specialist.name),
    ({ plan_id }) => plan_id,
  );
  const labels: Dataset["rows_by_class"] = datasets.items[0]?.rows_by_class ?? {};
  const least = 1 / Math.max(2, specialist.classes.length);
  return ({ plan_id, recommendation, confidence_score }) => {
    const uncertainty = confidence_score === null ? 1 : Math.min(1, Math.max(0, (1 - confidence_score) / (1 - least)));
    const others = ofPlan.get(plan_id) ?? [];
    const against = others.filter((one) => one.recommendation !== recommendation).length;
    const disagreement = others.length === 0 ? 0 : against / others.length;
    const scarce = (labels[recommendation] ?? 0) < SCARCE_BELOW ? 0.5 : 0;
    return 0.1 + uncertainty + disagreement + scarce;
  };
}

const claimOf = (
  house: House,
  reviewer: string,
  mode: ReviewMode,
  { item, propensity, basePropensity }: Drawn<WaitingOpinion>,
): ReviewClaim => ({
  claim_id: house.newId("claim-"),
  opinion_id: item.opinion_id,
  plan_id: item.plan_id,
  specialist: item.specialist,
  reviewer,
  mode,
  state: "open",
  claimed_at: house.now(),
  expires_at: house.now() + house.review.leaseMs,
  closed_at: null,
  skip_reason: null,
  propensity,
  base_propensity: basePropensity,
  shown_opinion: mode === "informed",
  feedback_id: null,
});
