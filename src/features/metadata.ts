import type { Plan } from "../core/plan.ts";
import { DOMAIN_FAMILIES, DOMAIN_FAMILY_NAMES, type DomainFamily, domainFamily } from "./ontology.ts";

const RISK_BANDS = ["low", "medium", "high", "critical"];
const PRIORITIES = ["low", "normal", "high", "critical"];
const SECURITY_LEVELS = ["public", "internal", "confidential", "restricted"];

type DomainFlag = `domain_${DomainFamily}`;

/** Place of a name in its scale, any case; NaN where there is no name or the scale lacks it. */
function levelIn(scale: readonly string[], name: string | null): number {
  const level = name === null ? -1 : scale.indexOf(name.trim().toLowerCase());
  return level < 0 ? Number.NaN : level;
}

/** What the plan says of itself: risk, priority, security, domain, flags. NaN where it says nothing. */
export function statedFeatures(plan: Plan) {
  const matrix = new Map(Object.entries(plan.risk_matrix ?? {}).map(([area, value]) => [area.toUpperCase(), value]));
  const factors = Object.values(plan.risk_factors);
  const ids = new Set(plan.tasks.map((task) => task.task_id));
  const destructive = new Set(plan.destructive_tasks.filter((id) => ids.has(id)));
  const family = plan.original_domain === null ? undefined : domainFamily(plan.original_domain);
  return {
    risk_score: plan.risk_score ?? Number.NaN,
    complexity_score: plan.complexity_score ?? Number.NaN,
    risk_band_level: levelIn(RISK_BANDS, plan.risk_band),
    risk_factor_count: factors.length,
    risk_factor_max: factors.length > 0 ? factors.reduce((most, value) => Math.max(most, value)) : Number.NaN,
    risk_business: matrix.get("BUSINESS") ?? Number.NaN,
    risk_security: matrix.get("SECURITY") ?? Number.NaN,
    risk_operational: matrix.get("OPERATIONAL") ?? Number.NaN,
    priority_level: levelIn(PRIORITIES, plan.original_priority),
    security_level: levelIn(SECURITY_LEVELS, plan.original_security_level),
    requires_approval: plan.requires_approval ? 1 : 0,
    is_destructive: plan.is_destructive ? 1 : 0,
    destructive_task_share: destructive.size / plan.tasks.length,
    ...domainFlags(plan.original_domain === null, family),
    domain_risk_weight: family === undefined ? Number.NaN : DOMAIN_FAMILIES[family],
  };
}

function domainFlags(absent: boolean, family: DomainFamily | undefined): Record<DomainFlag, number> {
  const flags = DOMAIN_FAMILY_NAMES.map((name) => [`domain_${name}`, absent ? Number.NaN : name === family ? 1 : 0]);
  return Object.fromEntries(flags) as Record<DomainFlag, number>; // one entry for each family, by the line above
}
