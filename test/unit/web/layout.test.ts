import fc from "fast-check";
import { expect, test } from "vitest";
import { type GraphTask, layOut, NODE_HEIGHT, NODE_WIDTH } from "../../../web/src/parts/layout.ts";

/** Plans without a cycle: a task waits only for tasks before it. Ids may be any text. */
const plans = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 20 })
  .chain((ids) =>
    fc
      .tuple(...ids.map((_, index) => fc.subarray(ids.slice(0, index), { maxLength: Math.min(3, index) })))
      .map((after) => ids.map((id, index): GraphTask => ({ id, kind: "create", text: "", note: "", after: after[index] ?? [] }))),
  );

test.each(["LR", "TB"] as const)("%s: each task stands after what it waits for, and no two overlap", (direction) => {
  fc.assert(
    fc.property(plans, (tasks) => {
      const { nodes, edges } = layOut(tasks, direction);
      const places = new Map(nodes.map(({ task, x, y }) => [task.id, { x, y }]));
      for (const { task, x, y } of nodes)
        for (const before of task.after) {
          const place = places.get(before);
          expect(direction === "LR" ? x - (place?.x ?? Number.NaN) : y - (place?.y ?? Number.NaN)).toBeGreaterThan(0);
        }
      for (const [index, a] of nodes.entries())
        for (const b of nodes.slice(index + 1))
          expect(Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT).toBe(true);
      expect(edges).toHaveLength(tasks.reduce((sum, { after }) => sum + after.length, 0));
    }),
    { numRuns: 60 },
  );
});
