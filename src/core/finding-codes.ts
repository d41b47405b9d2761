/** What forensics may find in labels; decide/forensics.ts says how. */
export const FINDING_CODES = [
  "echo",
  "always_agrees",
  "rating_rule",
  "quota",
  "blocks",
  "burst",
  "copies",
  "repeats",
  "missing_class",
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** What a finding does to its rows: `demote` to the tier `echo`, `quarantine` (neither trains nor judges), `warn` (shown only). */
export const FINDING_EFFECTS = ["demote", "quarantine", "warn"] as const;
export type FindingEffect = (typeof FINDING_EFFECTS)[number];
