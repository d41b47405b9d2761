/**
 * Where a label came from. The channel by which it arrived decides it, never a field of the body.
 * `human` tiers count to the threshold and may enter the gate (`bulk` only if the policy says so); machine tiers never do.
 */
export const TIERS = {
  blind: { human: true, meaning: "a person decided before seeing the opinion" },
  informed: { human: true, meaning: "a person decided after seeing the opinion" },
  bulk: { human: true, meaning: "imported by a named person who vouches for it" },
  rule: { human: false, meaning: "a program or rule decided" },
  echo: { human: false, meaning: "the model's own output, sent back as a label" },
  synthetic: { human: false, meaning: "made by a generator" },
} as const satisfies Record<string, { human: boolean; meaning: string }>;

export type Tier = keyof typeof TIERS;
export const TIER_NAMES = Object.keys(TIERS) as Tier[];
export const HUMAN_TIERS = TIER_NAMES.filter((tier) => TIERS[tier].human);
export const isHuman = (tier: Tier): boolean => TIERS[tier].human;
