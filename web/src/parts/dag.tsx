import { type ReactNode, useMemo } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { type GraphTask, LEAST_SCALE, layOutToFit, NODE_HEIGHT, NODE_WIDTH } from "./layout.ts";

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** The task graph of a plan as a picture; the table beside it says the same in words. Everything in it is text. */
export function TaskGraph({ tasks, narrow }: { readonly tasks: readonly GraphTask[]; readonly narrow: boolean }): ReactNode {
  const { t } = useLanguage();
  const layout = useMemo(() => layOutToFit(tasks, narrow), [tasks, narrow]);
  const label = t("plan.graph.label", { tasks: tasks.length, edges: layout.edges.length });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className="dag" tabIndex={0} aria-label={label}>
      <svg
        style={{ width: `min(100%, ${layout.width}px)`, minWidth: LEAST_SCALE * layout.width }}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="img"
        aria-label={label}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 8 4 0 8z" className="dag-arrow" />
          </marker>
        </defs>
        {layout.edges.map(({ key, path }) => (
          <path key={key} d={path} className="dag-edge" markerEnd="url(#arrow)" />
        ))}
        {layout.nodes.map(({ task, x, y }) => (
          <g key={task.id} transform={`translate(${x} ${y})`}>
            <title>{`${task.id}: ${task.text}`}</title>
            <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx="8" className="dag-node" />
            <text x="10" y="18" className="dag-kind">
              {cut(task.kind, 18)}
            </text>
            <text x={NODE_WIDTH - 10} y="18" className="dag-note" textAnchor="end">
              {task.note}
            </text>
            <text x="10" y="35" className="dag-text">
              {cut(task.text, 30)}
            </text>
            <text x="10" y="49" className="dag-text">
              {task.text.length > 29 ? cut(task.text.slice(29), 30) : ""}
            </text>
          </g>
        ))}
      </svg>
    </section>
  );
}
