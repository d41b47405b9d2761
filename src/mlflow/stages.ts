import { invalid } from "./protocol-error.ts";

export const STAGES = ["None", "Staging", "Production", "Archived"] as const;

/** @throws MlflowError INVALID_PARAMETER_VALUE unless the stage is one of the four, in any case. */
export function canonicalStage(stage: string): (typeof STAGES)[number] {
  const found = STAGES.find((known) => known.toLowerCase() === stage.toLowerCase());
  if (found === undefined) throw invalid(`Invalid Model Version stage: ${stage}. Value must be one of ${STAGES.join(", ")}.`);
  return found;
}
