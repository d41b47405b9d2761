import { z } from "zod";
import { ERRORS } from "../../core/errors.ts";
import { type RecomputedVerdict, recomputeVerdict } from "../../loop/recompute.ts";
import { defineCommand } from "../command.ts";
import { choosePolicy, POLICY_OPTION } from "../policy-choice.ts";
import { renderVerdict, tintOf } from "../render/verdict.ts";

export const verdictRecompute = defineCommand({
  name: "verdict recompute",
  summary: "Compute a verdict again from its stored files, byte for byte; with --policy, ask what if.",
  details: "Without --policy the exit code is 8 when the bytes differ: then the files, or the program, are not what they were.",
  arguments: { verdict: { summary: "id of a verdict or of its run, or the first digits", type: z.string() } },
  options: { ...POLICY_OPTION },
  examples: [
    { line: "requeen verdict recompute 8c01f2ab9d", does: "check that it still says the same" },
    { line: "requeen verdict recompute run-3f9a1c07b2 --policy strict", does: "what the preset strict would have decided" },
    {
      line: "requeen verdict recompute 8c01f2ab9d --policy ours.yaml --json",
      does: "what a policy of your own would have decided",
    },
  ],
  changes: false,
  run: async ({ verdict: id, policy }, { openHouse, config }): Promise<RecomputedVerdict> => {
    const chosen = policy === undefined ? undefined : await choosePolicy(config, policy);
    return recomputeVerdict(await openHouse(), id, chosen);
  },
  render: (
    { verdict_id, recomputed_id, same, decision, recomputed_decision, verdict, policy_changed, differs_at, gate_versions },
    terminal,
  ) => {
    const { style } = terminal;
    if (same) return `${style.green("The same, byte for byte")}: ${decision}, verdict ${verdict_id}.`;
    if (!policy_changed)
      return [
        `${style.red("It differs")}: stored is ${decision} (${verdict_id}), computed now ${recomputed_decision} (${recomputed_id}).`,
        `It differs at ${differs_at.join(", ")}.`,
        gate_versions.stored === gate_versions.computed
          ? "The stored files passed their digests, so the program that computes is another one."
          : `The stored files passed their digests; the verdict is of version ${gate_versions.stored} of the gate, this program has version ${gate_versions.computed}.`,
      ].join("\n");
    const said = `${verdict.policy.name}/${verdict.policy.version} would have said ${tintOf(style, recomputed_decision)(recomputed_decision)}; the verdict was ${tintOf(style, decision)(decision)}.`;
    return `${said}\n\n${renderVerdict(verdict, terminal)}`;
  },
  exitCode: ({ same, policy_changed }) => (same || policy_changed ? 0 : ERRORS.digest_mismatch.exit),
});
