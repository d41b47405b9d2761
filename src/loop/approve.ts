import type { Deployment } from "../core/deployment.ts";
import { RequeenError } from "../core/errors.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import { findVerdict } from "./decide-step.ts";
import { type House, registryNames, specialistOf } from "./house.ts";
import { promote } from "./promote.ts";

/** What a person said of a verdict that waits for one. */
export interface Approval {
  readonly verdict_id: string;
  readonly answer: "approved" | "declined";
  readonly by: string;
  readonly reason: string;
  readonly at: string;
}

/** Where a verdict `promote` that asks for approval stands. */
export interface ApprovalState {
  readonly verdict_id: string;
  readonly run_id: string;
  readonly specialist: string;
  readonly state: "not_asked" | "waiting" | "approved" | "declined" | "expired";
  readonly expires_at: string | null;
  readonly approval: Approval | null;
}

const keyOf = (verdictId: string): string => `approval.${verdictId}`;

/** @throws RequeenError verdict_not_found */
export async function readApproval(house: House, id: string): Promise<ApprovalState> {
  const record = await findVerdict(house, id);
  return stateOf(house, record);
}

async function stateOf(house: House, record: VerdictRecord): Promise<ApprovalState> {
  const approval = ((await house.store.getSetting(keyOf(record.verdict_id))) as Approval | null) ?? null;
  const { verdict_id, run_id, specialist, verdict } = record;
  const asked = record.decision === "promote" && verdict.requires_approval;
  const expiresAtMs = record.created_at + verdict.policy.approval_expires_after_ms;
  const expired = house.now() > expiresAtMs;
  const state = !asked ? "not_asked" : approval !== null ? approval.answer : expired ? "expired" : "waiting";
  return { verdict_id, run_id, specialist, state, expires_at: asked ? new Date(expiresAtMs).toISOString() : null, approval };
}

export interface ApprovalRequest {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
}

/**
 * A person approves: the version goes into production, with the person's name on it.
 * @throws RequeenError verdict_not_found; conflict when the verdict waits for nobody (not asked, declined, expired); as promote
 */
export async function approve(
  house: House,
  request: ApprovalRequest,
): Promise<{ approval: ApprovalState; deployment: Deployment }> {
  const record = await waiting(house, request.id, "approved");
  const run = await house.store.getRun(record.run_id);
  const version = run?.challenger_version ?? null;
  if (version === null) throw new RequeenError("conflict", `run ${record.run_id} has not registered its challenger yet`);
  const { model } = registryNames(specialistOf(house, record.specialist));
  await house.registry.setModelVersionTag(model, version, VERSION_TAGS.approver, request.by);
  await answer(house, record, "approved", request);
  const deployment = await promote(house, {
    specialist: record.specialist,
    version,
    by: request.by,
    reason: request.reason,
    force: false,
    runId: record.run_id,
    verdictId: record.verdict_id,
    datasetId: record.inputs.dataset_id,
    expectedChampion: record.inputs.champion?.version ?? null,
  });
  return { approval: await stateOf(house, record), deployment };
}

/** A person declines: the version stays where it is. @throws RequeenError verdict_not_found, conflict */
export async function decline(house: House, request: ApprovalRequest): Promise<ApprovalState> {
  const record = await waiting(house, request.id, "declined");
  await answer(house, record, "declined", request);
  return stateOf(house, record);
}

/** The same answer again is no conflict: it may follow a crash between the answer and the promotion. */
async function waiting(house: House, id: string, wanted: Approval["answer"]): Promise<VerdictRecord> {
  const record = await findVerdict(house, id);
  const { state, expires_at } = await stateOf(house, record);
  if (state === "waiting" || state === wanted) return record;
  const why = {
    not_asked: `its policy asks for no approval (verdict ${record.decision})`,
    approved: "it was approved already",
    declined: "it was declined already",
    expired: `its time ran out at ${expires_at ?? ""}; \`requeen retrain ${record.specialist}\` asks anew`,
  }[state];
  throw new RequeenError(
    "conflict",
    `verdict ${record.verdict_id.slice(0, 12)} of ${record.specialist} waits for nobody: ${why}`,
    { state },
  );
}

async function answer(
  house: House,
  record: VerdictRecord,
  said: Approval["answer"],
  { by, reason }: ApprovalRequest,
): Promise<void> {
  const approval: Approval = { verdict_id: record.verdict_id, answer: said, by, reason, at: new Date(house.now()).toISOString() };
  await house.store.putSetting(keyOf(record.verdict_id), approval);
  await house.store.appendAudit([
    {
      at: house.now(),
      actor: by,
      action: `verdict.${said}`,
      subject: record.specialist,
      details: { verdict_id: record.verdict_id, run_id: record.run_id, reason },
    },
  ]);
}

/** Verdicts that wait for a person, newest first. */
export async function listWaiting(house: House): Promise<ApprovalState[]> {
  const { items } = await house.store.listVerdicts({}, { limit: 1000 });
  const states = await Promise.all(
    items
      .filter(({ decision, verdict }) => decision === "promote" && verdict.requires_approval)
      .map((record) => stateOf(house, record)),
  );
  return states.filter(({ state }) => state === "waiting");
}
