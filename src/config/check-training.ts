import { isRequeenError } from "../core/errors.ts";
import { MODEL_TYPES, type ModelTypeName } from "../core/specialist.ts";
// not the engine's index: every command reads the configuration, few train
import { PARAMETERS } from "../engine/parameter-tables.ts";
import { resolveParameters } from "../engine/parameters.ts";
import type { Problem } from "./explain-issue.ts";
import type { CheckedConfig } from "./schema.ts";

/** What is wrong with the specialists' parameters and grids: model types and parameters that are not there, values out of range. */
export function checkTraining({ specialists }: CheckedConfig): Problem[] {
  return specialists.flatMap(({ training }, index) => {
    const place = ["specialists", index, "training"];
    const fixed = Object.entries(training.params).flatMap(([type, params]) =>
      problemOf([...place, "params", type], type, () => [params]),
    );
    const searched = Object.entries(training.search.grid).flatMap(([type, grid]) =>
      problemOf([...place, "search", "grid", type], type, () =>
        Object.entries(grid).flatMap(([name, values]) => values.map((value) => ({ [name]: value }))),
      ),
    );
    return [...fixed, ...searched];
  });
}

function problemOf(
  path: readonly PropertyKey[],
  type: string,
  given: () => readonly Readonly<Record<string, unknown>>[],
): Problem[] {
  const key = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  const problem = (rule: string, got: string | null): Problem[] => [{ key: key.slice(1), rule, got, path }];
  if (!isModelType(type)) return problem(`must name model types, of ${MODEL_TYPES.join(", ")}`, JSON.stringify(type));
  for (const params of given()) {
    if ("seed" in params) return problem("must not set seed: the run has one", null);
    try {
      resolveParameters(PARAMETERS[type], params, type);
    } catch (error) {
      if (!isRequeenError(error)) throw error;
      return problem(`is refused: ${error.message.replace(/^bad_parameter: /, "")}`, null);
    }
  }
  return [];
}

const isModelType = (name: string): name is ModelTypeName => MODEL_TYPES.some((type) => type === name);
