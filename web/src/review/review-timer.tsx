import { type ReactNode, useEffect, useState } from "react";
import type { ShownClaim } from "../../../src/loop/review.ts";
import { useLanguage } from "../i18n/text.tsx";

const WARN_MS = 120_000;

export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

const clock = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, "0")}`;

/** How long the item is the reviewer's; longer by a press. */
export function ReviewTimer({ claim, renew }: { readonly claim: ShownClaim; renew(): void }): ReactNode {
  const { t } = useLanguage();
  const left = Date.parse(claim.expires_at) - useNow(1_000);
  const state = left <= 0 ? "over" : left < WARN_MS ? "soon" : "calm";
  return (
    <p className="timer" data-state={state}>
      <span role={state === "calm" ? undefined : "status"}>
        {state === "over" ? t("review.expired") : t("review.expires", { time: clock(left) })}
      </span>
      {state !== "calm" && (
        <button type="button" className="small" onClick={renew}>
          {t("review.renew")}
        </button>
      )}
    </p>
  );
}
