import type { ReactNode } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { ClassBadge } from "../parts/decision.tsx";
import { Key } from "../parts/key.tsx";
import { Failure } from "../parts/states.tsx";
import { useNow } from "./review-timer.tsx";
import type { Decided } from "./use-review.ts";

/** Takes a decision back while its grace time lasts. */
export function UndoButton({ decided, undo }: { readonly decided: Decided; undo(): void }): ReactNode {
  const { t } = useLanguage();
  const seconds = Math.ceil((decided.undoUntil - useNow(250)) / 1_000);
  if (seconds <= 0 || decided.delivery?.state !== "sent") return null;
  return (
    <button type="button" onClick={undo} aria-keyshortcuts="u">
      {t("review.undo", { seconds })} <Key>u</Key>
    </button>
  );
}

/** For those who go straight on: what the model said of the item before. */
export function LastDecision({ last, undo }: { readonly last: Decided; undo(): void }): ReactNode {
  const { t } = useLanguage();
  const { delivery, decision, item } = last;
  const opinion = delivery?.state === "sent" ? delivery.answer.opinion : item.opinion;
  return (
    <section className="last card" aria-label={t("review.last")}>
      <p role="status">
        <code>{item.claim.plan_id}</code>: {t("review.you")} <ClassBadge name={decision} />
        {opinion !== null && (
          <>
            {" · "}
            {t("review.model")} <ClassBadge name={opinion.opinion.recommendation} />
          </>
        )}
        {delivery?.state === "waiting" && <> · {t("review.kept")}</>}
      </p>
      {delivery?.state === "refused" && <Failure error={delivery.error} />}
      <UndoButton decided={last} undo={undo} />
    </section>
  );
}
