import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { RequeenError } from "../../core/errors.ts";
import { POLICY_PRESETS, type Policy, readPolicy } from "../../core/policy.ts";
import { isEnded, type Run } from "../../core/run.ts";
import { approve, decline } from "../../loop/approve.ts";
import type { BackgroundRuns } from "../../loop/background-runs.ts";
import { findVerdict } from "../../loop/decide-step.ts";
import { findRun } from "../../loop/find-record.ts";
import type { House } from "../../loop/house.ts";
import { showDeployment, showRuns } from "../../loop/present.ts";
import { recomputeVerdict } from "../../loop/recompute.ts";
import { promoteOnce, rollbackOnce, startRunOnce } from "../../loop/retry.ts";
import { verdictKey } from "../../loop/verdicts.ts";
import type { TrainingChoice } from "../../loop/watch.ts";
import { demandSpecialist } from "../auth/access.ts";
import { houseOf } from "../idempotency.ts";
import {
  approvedAnswer,
  changedAnswer,
  promoteBody,
  reasonBody,
  recomputeBody,
  retrainBody,
  rollbackBody,
} from "../schemas/actions.ts";
import { approvalAnswer, recomputedAnswer } from "../schemas/records.ts";
import { runAnswer } from "../schemas/runs.ts";
import { byId, ofSpecialist } from "../schemas/shared.ts";
import { VERDICT_PROBLEMS } from "./verdicts.ts";

export interface ActionParts {
  readonly house: House;
  readonly runs: BackgroundRuns;
  /** What the configuration says of training. */
  readonly training: TrainingChoice;
}

const CHANGES = [
  "specialist_not_found",
  "model_not_found",
  "no_champion",
  "no_predecessor",
  "not_promotable",
  "tombstoned",
  "registry_unavailable",
] as const;

/** What people do about runs, verdicts and what is in production. */
export const actionRoutes =
  ({ house, runs, training }: ActionParts): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const shownRun = async (id: string) => {
      const [shown] = await showRuns(house, [await findRun(house, id)]);
      if (shown === undefined) throw new Error("one run went in and none came back");
      return shown;
    };

    /** Drives the run beside the server, and answers where it can be looked at. */
    const goesOn = async (reply: FastifyReply, run: Run) => {
      if (!isEnded(run)) runs.drive(run);
      reply.code(202).header("location", `/api/v1/runs/${run.run_id}`);
      return shownRun(run.run_id);
    };

    /** Who asked for it: the run's own entries carry the name of who began it. */
    const note = async (request: FastifyRequest, action: string, subject: string, details: Record<string, unknown>) => {
      await house.store.appendAudit([{ at: house.now(), actor: request.identity.subject, action, subject, details }]);
    };

    app.post(
      "/specialists/:specialist/retrain",
      {
        config: {
          permission: "operate",
          problems: ["specialist_not_found", "run_active", "not_enough_evidence", "evidence_refused", "registry_unavailable"],
        },
        schema: {
          summary: "Begin a retraining run, as a person who wants one: 202 with the run, which goes on beside the server",
          description:
            "Threshold and cool-down do not hold for a person; the checks on labels do. Follow it by GET /runs/{id} or GET /events. A run that a " +
            "restart interrupts goes on by itself.",
          params: ofSpecialist,
          body: retrainBody,
          response: { 202: runAnswer },
        },
      },
      async (request, reply) => {
        const { specialist } = request.params;
        demandSpecialist(request, specialist);
        const { model_type, tune, promote, window_days, seed } = request.body;
        const run = await startRunOnce(houseOf(house, request), {
          ...training,
          specialist,
          by: request.identity.subject,
          reason: "person",
          promoteIfBetter: promote,
          ...(model_type === undefined ? {} : { modelType: model_type }),
          ...(tune === undefined ? {} : { hyperparameterTuning: tune }),
          ...(window_days === undefined ? {} : { windowDays: window_days }),
          ...(seed === undefined ? {} : { seed }),
        });
        await note(request, "run.ask", specialist, { run_id: run.run_id, options: run.options });
        return goesOn(reply, run);
      },
    );

    app.post(
      "/runs/:id/resume",
      {
        config: { permission: "operate", problems: ["run_not_found", "bad_parameter"] },
        schema: {
          summary: "Go on with a run that a crash or an absent server left: 202, it goes on beside the server",
          description: "A run that is driven already is left to it.",
          params: byId,
          response: { 202: runAnswer },
        },
      },
      async (request, reply) => {
        const run = await findRun(house, request.params.id);
        demandSpecialist(request, run.specialist);
        if (isEnded(run) && request.keyed?.again !== true)
          throw new RequeenError("conflict", `run ${run.run_id} must not have ended; it is ${run.state}`, {
            run_id: run.run_id,
            state: run.state,
          });
        await note(request, "run.resume", run.specialist, { run_id: run.run_id });
        return goesOn(reply, run);
      },
    );

    app.post(
      "/runs/:id/cancel",
      {
        config: { permission: "operate", problems: ["run_not_found", "bad_parameter", "lease_lost"] },
        schema: {
          summary: "End a run for good; what it registered stays, nothing is promoted",
          params: byId,
          response: { 200: runAnswer },
        },
      },
      async (request) => {
        const run = await findRun(house, request.params.id);
        demandSpecialist(request, run.specialist);
        if (run.state !== "cancelled" || request.keyed?.again !== true) {
          await runs.cancel(run, request.identity.subject);
          await note(request, "run.cancel", run.specialist, { run_id: run.run_id });
        }
        return shownRun(run.run_id);
      },
    );

    app.post(
      "/specialists/:specialist/promote",
      {
        config: { permission: "operate", problems: CHANGES },
        schema: {
          summary: "Put a registered version into production: as `requeen promote`",
          description:
            "Refused when the version's verdict is not `promote`, or when it was rolled back; force overrides, and is on record.",
          params: ofSpecialist,
          body: promoteBody,
          response: { 200: changedAnswer },
        },
      },
      async (request) => {
        const { specialist } = request.params;
        demandSpecialist(request, specialist);
        const { version, reason, force } = request.body;
        const change = { specialist, version: version.replace(/^v/, ""), by: request.identity.subject, reason, force };
        return { ...showDeployment(await promoteOnce(houseOf(house, request), change)), dry_run: false as const };
      },
    );

    app.post(
      "/specialists/:specialist/rollback",
      {
        config: { permission: "operate", problems: CHANGES },
        schema: {
          summary: "Take the champion back: as `requeen rollback`",
          description: "The version that failed carries a tombstone with the reason: no run promotes it again by itself.",
          params: ofSpecialist,
          body: rollbackBody,
          response: { 200: changedAnswer },
        },
      },
      async (request) => {
        const { specialist } = request.params;
        demandSpecialist(request, specialist);
        const { reason, to } = request.body;
        const change = { specialist, by: request.identity.subject, reason, toVersion: to?.replace(/^v/, "") };
        return { ...showDeployment(await rollbackOnce(houseOf(house, request), change)), dry_run: false as const };
      },
    );

    app.post(
      "/verdicts/:id/approve",
      {
        config: { permission: "operate", problems: [...VERDICT_PROBLEMS, ...CHANGES] },
        schema: {
          summary: "Approve a verdict that waits for a person: its version goes into production",
          params: byId,
          body: reasonBody,
          response: { 200: approvedAnswer },
        },
      },
      async (request) => {
        const id = await ownVerdict(request, request.params.id);
        const by = request.identity.subject;
        const { approval, deployment } = await approve(houseOf(house, request), { id, by, reason: request.body.reason });
        return { approval, deployment: showDeployment(deployment) };
      },
    );

    app.post(
      "/verdicts/:id/decline",
      {
        config: { permission: "operate", problems: VERDICT_PROBLEMS },
        schema: {
          summary: "Decline a verdict that waits for a person: the version stays where it is",
          params: byId,
          body: reasonBody,
          response: { 200: approvalAnswer },
        },
      },
      async (request) => {
        const id = await ownVerdict(request, request.params.id);
        return decline(houseOf(house, request), { id, by: request.identity.subject, reason: request.body.reason });
      },
    );

    app.post(
      "/verdicts/:id/recompute",
      {
        config: {
          permission: "read",
          problems: [...VERDICT_PROBLEMS, "specialist_not_found", "not_found", "digest_mismatch"],
        },
        schema: {
          summary:
            "Compute a verdict again from its files, byte for byte; with a policy, what it would have said: as `requeen verdict recompute`",
          description: "Changes nothing.",
          params: byId,
          body: recomputeBody,
          response: { 200: recomputedAnswer },
        },
      },
      async (request) =>
        recomputeVerdict(house, await ownVerdict(request, request.params.id), policyNamed(house, request.body.policy)),
    );

    /** Its whole id, if it is one of the identity's scope. */
    const ownVerdict = async (request: Parameters<typeof demandSpecialist>[0], id: string): Promise<string> => {
      const { verdict_id, specialist } = await findVerdict(house, await verdictKey(house, id));
      demandSpecialist(request, specialist);
      return verdict_id;
    };
    done();
  };

/** @throws RequeenError bad_request */
function policyNamed(house: House, policy: string | Record<string, unknown> | undefined): Policy | undefined {
  if (policy === undefined) return undefined;
  try {
    if (typeof policy !== "string") return readPolicy(policy);
    const inForce = house.specialists.map((specialist) => house.policyOf(specialist)).find(({ name }) => name === policy);
    if (Object.hasOwn(POLICY_PRESETS, policy)) return readPolicy({ preset: policy });
    if (inForce !== undefined) return inForce;
  } catch (cause) {
    throw new RequeenError(
      "bad_request",
      `policy cannot be read: ${cause instanceof Error ? cause.message.replace(/^\w+: /, "") : String(cause)}`,
      { field: "policy" },
      { cause },
    );
  }
  const known = [...Object.keys(POLICY_PRESETS), ...new Set(house.specialists.map((one) => house.policyOf(one).name))];
  throw new RequeenError("bad_request", `policy must be one of ${known.join(", ")}, or written out; got ${policy}`, {
    field: "policy",
    allowed: known,
  });
}
