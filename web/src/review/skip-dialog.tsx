import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { Failure } from "../parts/states.tsx";

const REASONS = ["unsure", "unreadable", "own", "else"] as const;

/** Why an item is left to others; the reason says later what the queue should not offer. */
export function SkipDialog({ onSkip, onClose }: { onSkip(reason: string): Promise<void>; onClose(): void }): ReactNode {
  const { t } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState<(typeof REASONS)[number]>("unsure");
  const [words, setWords] = useState("");
  const [error, setError] = useState<unknown>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const text = words.trim();
    onSkip(reason === "else" ? text : text === "" ? reason : `${reason}: ${text}`).then(onClose, setError);
  };
  return (
    <dialog ref={dialog} aria-labelledby="skip-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="skip-title">{t("skip.title")}</h2>
        <fieldset className="options">
          <legend>{t("skip.why")}</legend>
          {REASONS.map((one) => (
            <label key={one}>
              <input type="radio" name="reason" checked={reason === one} onChange={() => setReason(one)} />
              {t(`skip.${one}`)}
            </label>
          ))}
        </fieldset>
        <label className="field">
          {t("skip.words")}
          <input maxLength={900} required={reason === "else"} value={words} onChange={(event) => setWords(event.target.value)} />
        </label>
        {error !== null && <Failure error={error} />}
        <div className="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {t("action.cancel")}
          </button>
          <button type="submit" className="primary">
            {t("review.skip")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
