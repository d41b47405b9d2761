import { lazy, type ReactNode, Suspense, useMemo, useSyncExternalStore } from "react";
import type { PlanDocument } from "../../../src/core/plan.ts";
import { useLanguage } from "../i18n/text.tsx";
import type { TextKey } from "../i18n/translate.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { Term } from "./term.tsx";

const MAX_DRAWN = 80;
const TaskGraph = lazy(async () => ({ default: (await import("./dag.tsx")).TaskGraph }));

type Task = PlanDocument["tasks"][number];

const narrowScreen = window.matchMedia("(max-width: 720px)");
const listen = (change: () => void): (() => void) => {
  narrowScreen.addEventListener("change", change);
  return () => narrowScreen.removeEventListener("change", change);
};
export const useIsNarrow = (): boolean => useSyncExternalStore(listen, () => narrowScreen.matches);

/** What is judged: graph, risk, domain, durations and text, all of it as text. */
export function PlanCard({ plan }: { readonly plan: PlanDocument }): ReactNode {
  const { t, format } = useLanguage();
  const narrow = useIsNarrow();
  const numbers = useMemo(() => new Map(plan.tasks.map(({ task_id }, index) => [task_id, index + 1])), [plan]);
  const nodes = useMemo(
    () =>
      plan.tasks.map((task) => ({
        id: task.task_id,
        kind: `${numbers.get(task.task_id)} ${task.task_type}`,
        text: task.description || task.task_id,
        note: task.estimated_duration_ms == null ? "" : format.duration(task.estimated_duration_ms),
        after: task.dependencies ?? [],
      })),
    [plan, numbers, format],
  );
  const total = plan.estimated_total_duration_ms ?? null;
  const summed = plan.tasks.reduce((sum, task) => sum + (task.estimated_duration_ms ?? 0), 0);
  const band = plan.risk_band ?? null;
  return (
    <div className="plan">
      <dl className="facts">
        <Fact label={t("plan.domain")} value={plan.original_domain} />
        <Fact label={t("plan.priority")} value={plan.original_priority} />
        <Fact label={t("plan.security")} value={plan.original_security_level} />
        <Fact
          label={<Term name="risk">{t("plan.risk")}</Term>}
          value={
            plan.risk_score == null && band === null ? null : (
              <>
                {plan.risk_score == null ? "" : format.percent(plan.risk_score, 0)}{" "}
                {band !== null && (
                  <span className="badge" data-tone={RISK_TONES[band]}>
                    {t(`risk.${band}` as TextKey)}
                  </span>
                )}
              </>
            )
          }
        />
        <Fact
          label={<Term name="complexity">{t("plan.complexity")}</Term>}
          value={plan.complexity_score == null ? null : format.number(plan.complexity_score, 2)}
        />
        <Fact label={t("plan.duration")} value={format.duration(total ?? summed)} />
        <Fact label={t("plan.tasks")} value={format.number(plan.tasks.length)} />
      </dl>
      {plan.is_destructive && (
        <p className="notice" data-kind="warn">
          {t("plan.destructive", { tasks: (plan.destructive_tasks ?? []).join(", ") || "–" })}
        </p>
      )}
      {plan.reasoning_summary && <p className="plan-text">{plan.reasoning_summary}</p>}
      <RiskBars title={t("plan.risk-by-area")} values={plan.risk_matrix ?? {}} />
      {plan.tasks.length <= MAX_DRAWN ? (
        <Suspense fallback={<div className="dag dag-waiting" />}>
          <TaskGraph tasks={nodes} narrow={narrow} />
        </Suspense>
      ) : (
        <p className="faint">{t("plan.graph.too-large", { tasks: plan.tasks.length })}</p>
      )}
      {narrow ? (
        <details>
          <summary>{t("plan.all-tasks", { count: plan.tasks.length })}</summary>
          <TaskTable plan={plan} numbers={numbers} />
        </details>
      ) : (
        <TaskTable plan={plan} numbers={numbers} />
      )}
    </div>
  );
}

const RISK_TONES: Readonly<Record<string, string>> = { low: "good", medium: "wait", high: "bad", critical: "bad" };

function Fact({ label, value }: { readonly label: ReactNode; readonly value: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value ?? "–"}</dd>
    </div>
  );
}

function RiskBars({ title, values }: { readonly title: string; readonly values: Readonly<Record<string, number>> }): ReactNode {
  const { format } = useLanguage();
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <div className="risk-bars">
      <h3>{title}</h3>
      <ul>
        {entries.map(([area, share]) => (
          <li key={area}>
            <span>{area}</span>
            <meter min={0} max={1} low={0.4} high={0.7} optimum={0} value={Math.min(1, share)} aria-label={area} />
            <span className="numeric">{format.percent(share, 0)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function TaskTable({ plan, numbers }: { readonly plan: PlanDocument; readonly numbers: ReadonlyMap<string, number> }): ReactNode {
  const { t, format } = useLanguage();
  const after = (task: Task): string => (task.dependencies ?? []).map((id) => numbers.get(id) ?? id).join(", ");
  const columns: readonly Column<Task>[] = [
    {
      key: "number",
      name: "number",
      head: "#",
      cell: (task) => numbers.get(task.task_id),
      value: (task) => numbers.get(task.task_id) ?? null,
    },
    { key: "type", name: "type", head: t("task.type"), cell: (task) => task.task_type, value: (task) => task.task_type },
    {
      key: "text",
      name: "description",
      head: t("task.text"),
      cell: (task) => <span className="wrap task-text">{task.description || task.task_id}</span>,
      value: (task) => task.description ?? "",
    },
    { key: "after", name: "after", head: t("task.after"), cell: (task) => after(task) || "–", value: after },
    {
      key: "duration",
      name: "duration_ms",
      head: t("task.duration"),
      numeric: true,
      cell: (task) => format.duration(task.estimated_duration_ms),
      value: (task) => task.estimated_duration_ms ?? null,
    },
    {
      key: "needs",
      name: "capabilities",
      head: t("task.needs"),
      cell: (task) => <span className="wrap">{(task.required_capabilities ?? []).join(", ") || "–"}</span>,
      value: (task) => (task.required_capabilities ?? []).join(" "),
    },
  ];
  return (
    <DataTable
      caption={t("plan.tasks")}
      file={`plan-${plan.plan_id}-tasks`}
      columns={columns}
      rows={plan.tasks}
      rowKey={(task) => task.task_id}
      showCaption
    />
  );
}

/** A row of named columns, for specialists that judge no plans. */
export function ColumnsCard({
  columns,
}: {
  readonly columns: Readonly<Record<string, string | number | boolean | null>>;
}): ReactNode {
  const { t, format } = useLanguage();
  return (
    <section className="table-frame" aria-label={t("plan.columns")}>
      <table className="columns">
        <tbody>
          {Object.entries(columns).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                {value === null
                  ? "–"
                  : typeof value === "number"
                    ? format.number(value, Number.isInteger(value) ? 0 : 3)
                    : String(value)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
