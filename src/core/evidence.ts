import { z } from "zod";
import { TIER_NAMES, type Tier } from "./tiers.ts";

// apart, since training threads need the tiers and not zod, which is half of their start
export { HUMAN_TIERS, isHuman, TIER_NAMES, TIERS, type Tier } from "./tiers.ts";
export const tierSchema = z.enum(TIER_NAMES);

/** How a feedback arrived, and the tier that this gives it. */
export const CHANNELS = {
  review_blind: "blind",
  review_informed: "informed",
  person: "informed",
  import_vouched: "bulk",
  import: "rule",
  program: "rule",
  generator: "synthetic",
  forensics: "echo",
} as const satisfies Record<string, Tier>;

export type Channel = keyof typeof CHANNELS;
export const channelSchema = z.enum(Object.keys(CHANNELS) as Channel[]);

/** The review queue picks nothing with a smaller chance; one row may not outweigh more than this many. */
export const LARGEST_INVERSE_CHANCE = 10;

/** Weight of a label by the chance of its pick: rows that were favoured count less, so that all together stand for all opinions. */
export const inverseChance = (favour: number | null): number =>
  favour === null ? 1 : Math.min(LARGEST_INVERSE_CHANCE, 1 / favour);

/** The evidence part of a feedback document, version 3.0.0. */
export const evidenceSchema = z.strictObject({
  tier: tierSchema,
  channel: channelSchema,
  /** Who decided: from the token, the claim or the command line, never from the body. */
  reviewer: z.string().min(1).max(256),
  /** Whether the reviewer had seen the opinion; null where the channel cannot know. */
  shown_opinion: z.boolean().nullable(),
  /** What the body said of itself (`auto_generated`, `manual_review`, `evidence`, ...): kept, never believed. */
  claimed: z.record(z.string(), z.unknown()).default({}),
  /** Chance with which the opinion was picked for this review; absent: it was not picked by chance. */
  propensity: z.number().gt(0).max(1).optional(),
  /** The same chance had all been left to plain chance: `propensity / base_propensity` says how favoured it was. Absent: 1. */
  base_propensity: z.number().gt(0).max(1).optional(),
  /** Why forensics changed the tier, if it did. */
  demoted_from: tierSchema.nullable().default(null),
});
export type Evidence = z.output<typeof evidenceSchema>;
