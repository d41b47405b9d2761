import type { ReactNode } from "react";
import { useLanguage } from "../i18n/text.tsx";
import type { TextKey } from "../i18n/translate.ts";

/** The classes of the five specialists have names and meanings in each language; those of others are shown as configured. */
const KNOWN = new Set(["approve", "conditional", "review_required", "reject"]);

export function useClassName(): (name: string) => string {
  const { t } = useLanguage();
  return (name) => (KNOWN.has(name) ? t(`class.${name}` as TextKey) : name.replaceAll("_", " "));
}

export function useClassMeaning(): (name: string) => string | null {
  const { t } = useLanguage();
  return (name) => (KNOWN.has(name) ? t(`class.${name}.means` as TextKey) : null);
}

const tone = (name: string): string => (KNOWN.has(name) ? name : "other");

export function ClassBadge({ name }: { readonly name: string }): ReactNode {
  const label = useClassName();
  return (
    <span className="badge" data-tone={tone(name)}>
      {label(name)}
    </span>
  );
}

const VERDICT_TONES: Readonly<Record<string, string>> = { promote: "good", reject: "bad", inconclusive: "wait" };
const VERDICTS = new Set(Object.keys(VERDICT_TONES));
const STATES = new Set(["READY", "WAIT", "RUNNING", "BLOCKED", "running", "finished", "refused", "failed", "cancelled"]);
const STATE_TONES: Readonly<Record<string, string>> = {
  READY: "good",
  RUNNING: "busy",
  finished: "other",
  cancelled: "other",
  BLOCKED: "bad",
  running: "busy",
  refused: "bad",
  failed: "bad",
};

export function VerdictBadge({ decision }: { readonly decision: string }): ReactNode {
  const { t } = useLanguage();
  return (
    <span className="badge strong" data-tone={VERDICT_TONES[decision] ?? "other"}>
      {VERDICTS.has(decision) ? t(`verdict.${decision}` as TextKey) : decision}
    </span>
  );
}

export function StateBadge({ state }: { readonly state: string }): ReactNode {
  const { t } = useLanguage();
  return (
    <span className="badge" data-tone={STATE_TONES[state] ?? "wait"}>
      {STATES.has(state) ? t(`run-state.${state}` as TextKey) : state}
    </span>
  );
}
