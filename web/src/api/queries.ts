import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ApprovalState } from "../../../src/loop/approve.ts";
import type { ShownFindings } from "../../../src/loop/findings.ts";
import type { ModelDetails } from "../../../src/loop/models.ts";
import type { ShownModel, ShownReign, ShownRun } from "../../../src/loop/present.ts";
import type { RunCharts } from "../../../src/loop/run-charts.ts";
import type { RunLog } from "../../../src/loop/run-log.ts";
import type { ShownSpecialist } from "../../../src/loop/show-specialist.ts";
import type { Status } from "../../../src/loop/status.ts";
import type { VerdictDetails } from "../../../src/loop/verdicts.ts";
import { ask, type Query } from "./http.ts";

/** A list as the API answers it, under the plural of its items. */
export type List<Plural extends string, Item> = { readonly [K in Plural]: readonly Item[] } & { readonly next: string | null };

const at = (id: string): string => encodeURIComponent(id);

/** One entry for each answer that views share: the first word of a key is what server-sent events name. */
export const queries = {
  status: () =>
    queryOptions({ queryKey: ["status"], queryFn: ({ signal }) => ask<Status>("/status", { signal }), refetchInterval: 30_000 }),
  runs: (filter: Query) =>
    queryOptions({
      queryKey: ["runs", filter],
      queryFn: ({ signal }) => ask<List<"runs", ShownRun>>("/runs", { query: filter, signal }),
      placeholderData: keepPreviousData,
    }),
  run: (id: string) =>
    queryOptions({
      queryKey: ["run", id],
      queryFn: ({ signal }) => ask<ShownRun>(`/runs/${at(id)}`, { signal }),
      // events may be away: a run under way is looked at again all the same
      refetchInterval: ({ state }) => (state.data?.state === "running" ? 2_000 : false),
    }),
  verdict: (id: string) =>
    queryOptions({ queryKey: ["verdict", id], queryFn: ({ signal }) => ask<VerdictDetails>(`/verdicts/${at(id)}`, { signal }) }),
  charts: (runId: string) =>
    queryOptions({
      queryKey: ["charts", runId],
      queryFn: ({ signal }) => ask<RunCharts>(`/runs/${at(runId)}/charts`, { signal }),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  log: (runId: string) =>
    queryOptions({ queryKey: ["run-log", runId], queryFn: ({ signal }) => ask<RunLog>(`/runs/${at(runId)}/log`, { signal }) }),
  specialists: () =>
    queryOptions({
      queryKey: ["specialists"],
      queryFn: ({ signal }) => ask<List<"specialists", ShownSpecialist>>("/specialists", { signal }),
      staleTime: 60_000,
    }),
  findings: (specialist: string) =>
    queryOptions({
      queryKey: ["findings", specialist],
      queryFn: ({ signal }) => ask<ShownFindings>(`/specialists/${at(specialist)}/findings`, { signal }),
    }),
  approval: (verdictId: string) =>
    queryOptions({
      queryKey: ["approval", verdictId],
      queryFn: ({ signal }) => ask<ApprovalState>(`/verdicts/${at(verdictId)}/approval`, { signal }),
    }),
  models: (specialist?: string) =>
    queryOptions({
      queryKey: ["models", specialist ?? null],
      queryFn: ({ signal }) => ask<{ models: readonly ShownModel[] }>("/models", { query: { specialist }, signal }),
    }),
  version: (specialist: string, version: string) =>
    queryOptions({
      queryKey: ["models", specialist, version],
      queryFn: ({ signal }) => ask<ModelDetails>(`/models/${at(specialist)}/${at(version)}`, { signal }),
    }),
  history: (specialist?: string) =>
    queryOptions({
      queryKey: ["history", specialist ?? null],
      queryFn: ({ signal }) => ask<List<"reigns", ShownReign>>("/history", { query: { specialist }, signal }),
    }),
} as const;
