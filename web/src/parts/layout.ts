import dagre from "@dagrejs/dagre";

export interface GraphTask {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly note: string;
  readonly after: readonly string[];
}

export const NODE_WIDTH = 196;
export const NODE_HEIGHT = 58;
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly { readonly task: GraphTask; readonly x: number; readonly y: number }[];
  readonly edges: readonly { readonly key: string; readonly path: string }[];
}

/** Wider than this, a plan is drawn from top to bottom if that is narrower. */
const WIDE = 900;
/** Smaller than this share of its size, nobody reads it: then it scrolls. */
export const LEAST_SCALE = 0.72;

/** The way in which the graph needs less room. */
export function layOutToFit(tasks: readonly GraphTask[], narrow: boolean): Layout {
  const across = layOut(tasks, "LR");
  if (!narrow && across.width <= WIDE) return across;
  const down = layOut(tasks, "TB");
  return down.width < across.width ? down : across;
}

/** Tasks in layers: each stands right of (or below) what it waits for. */
export function layOut(tasks: readonly GraphTask[], direction: "LR" | "TB"): Layout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: direction, nodesep: 16, ranksep: direction === "LR" ? 44 : 34, marginx: 6, marginy: 6 });
  graph.setDefaultEdgeLabel(() => ({}));
  // dagre keeps nodes as fields of objects: a task may be called `__proto__`, a node may not
  const names = new Map(tasks.map(({ id }, index) => [id, `n${index}`]));
  const nameOf = (id: string): string => names.get(id) ?? "";
  for (const name of names.values()) graph.setNode(name, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { id, after } of tasks) for (const before of after) if (names.has(before)) graph.setEdge(nameOf(before), nameOf(id));
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: tasks.map((task) => {
      const { x, y } = graph.node(nameOf(task.id));
      return { task, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
    }),
    edges: graph.edges().map((edge) => {
      const points: readonly { x: number; y: number }[] = graph.edge(edge).points;
      return { key: `${edge.v} ${edge.w}`, path: curve(points) };
    }),
  };
}

/** Through the points, softly. */
function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  const way = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    return `Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`;
  });
  return `M${first.x},${first.y} ${way.join(" ")} L${last.x},${last.y}`;
}
