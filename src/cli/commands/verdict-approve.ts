import { z } from "zod";
import { type ApprovalState, approve, decline, readApproval } from "../../loop/approve.ts";
import { type ShownDeployment, showDeployment } from "../../loop/present.ts";
import { carryOutNow } from "../carry-out.ts";
import { defineCommand } from "../command.ts";

const arguments_ = { id: { summary: "verdict (or its first 8 digits), or the run that made it", type: z.string() } };
const options = {
  reason: { summary: "why; kept with the version and in the audit log", value: "<text>", type: z.string().min(1) },
} as const;

interface Approved {
  readonly approval: ApprovalState;
  readonly deployment: ShownDeployment;
}

export const verdictApprove = defineCommand({
  name: "verdict approve",
  summary: "Approve a verdict that waits for a person: its version goes into production.",
  details:
    "Policies with requires_approval (strict, always-ask) promote nothing by themselves. An approval not given in time counts as declined.",
  arguments: arguments_,
  options,
  examples: [
    {
      line: 'requeen verdict approve 64289fd981 --reason "checked on ten plans"',
      does: "promotes the challenger of this verdict",
    },
  ],
  changes: true,
  async run({ id, reason }, context): Promise<Approved | ApprovalState> {
    const house = await context.openHouse();
    if (context.dryRun) return readApproval(house, id);
    const { approval, deployment } = await approve(house, { id, by: house.actor, reason });
    await carryOutNow(house, approval.specialist, context);
    return { approval, deployment: showDeployment(deployment) };
  },
  render: (result) =>
    "approval" in result && "deployment" in result
      ? `Approved: ${result.approval.specialist} version ${result.deployment.version ?? ""} is in production.`
      : renderState(result),
});

export const verdictDecline = defineCommand({
  name: "verdict decline",
  summary: "Decline a verdict that waits for a person: the champion stays.",
  arguments: arguments_,
  options,
  examples: [
    {
      line: 'requeen verdict decline 64289fd981 --reason "the labels are all of one team"',
      does: "leaves the champion in place",
    },
  ],
  changes: true,
  async run({ id, reason }, { openHouse, dryRun }): Promise<ApprovalState> {
    const house = await openHouse();
    if (dryRun) return readApproval(house, id);
    return decline(house, { id, by: house.actor, reason });
  },
  render: (state) => renderState(state),
});

const renderState = ({ specialist, verdict_id, state, expires_at }: ApprovalState): string =>
  `Verdict ${verdict_id.slice(0, 10)} of ${specialist}: ${state.replace("_", " ")}${expires_at === null ? "" : ` (until ${expires_at.slice(0, 16).replace("T", " ")})`}.`;
