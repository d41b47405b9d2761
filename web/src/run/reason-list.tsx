import type { ReactNode } from "react";
import type { Reason } from "../../../src/core/verdict.ts";
import { useLanguage } from "../i18n/text.tsx";
import type { TextKey } from "../i18n/translate.ts";
import { Icon } from "../parts/icon.tsx";

const TITLED = new Set([
  "too_few_rows",
  "one_class",
  "gate_worn",
  "improvement",
  "harm_log_loss",
  "harm_brier",
  "harm_calibration",
  "slices",
  "slice_harm",
  "latency",
  "size",
]);

/** In the order of weight: what decided stands first. The sentences are the server's, in English. */
export function ReasonList({ reasons }: { readonly reasons: readonly Reason[] }): ReactNode {
  const { t } = useLanguage();
  const title = (code: string): string =>
    TITLED.has(code)
      ? t(`reason.${code}` as TextKey)
      : code.startsWith("floor_")
        ? t("reason.floor")
        : code.startsWith("loss_")
          ? t("reason.loss")
          : code;
  return (
    <ol className="reasons">
      {reasons.map((reason, index) => {
        const mark = reason.effect === "info" ? "info" : reason.passed ? "passed" : reason.effect;
        return (
          // reasons have no id and never change
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <li key={index} data-mark={mark}>
            <span className="reason-mark">
              <Icon
                name={reason.passed ? "check" : reason.effect === "reject" ? "cross" : reason.effect === "info" ? "help" : "wait"}
              />
              <span className="visually-hidden">{t(`reason.mark.${mark}` as TextKey)}</span>
            </span>
            <div>
              <strong>{title(reason.code)}</strong>
              <p lang="en">{reason.sentence}</p>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
