import type { Policy } from "../core/policy.ts";
import type { Specialist } from "../core/specialist.ts";
import { featureNamesOf } from "./feature-names.ts";
import { type House, type Origin, registryNames } from "./house.ts";
import { answersOf } from "./intake.ts";

/** A specialist as the outside sees it: its configuration with everything resolved. */
export interface ShownSpecialist extends Omit<Specialist, "policy" | "mlflow"> {
  /** In the order of the vector. */
  readonly feature_names: readonly string[];
  /** Decisions that people may give. */
  readonly answers: readonly string[];
  readonly policy: Policy;
  readonly registry: { readonly model: string; readonly experiment: string };
  readonly defined_in: Origin;
}

export function showSpecialist(house: Pick<House, "policyOf" | "originOf">, specialist: Specialist): ShownSpecialist {
  const { policy: _named, mlflow: _names, ...configured } = specialist;
  return {
    ...configured,
    feature_names: featureNamesOf(specialist),
    answers: answersOf(specialist),
    policy: house.policyOf(specialist),
    registry: registryNames(specialist),
    defined_in: house.originOf(specialist),
  };
}
