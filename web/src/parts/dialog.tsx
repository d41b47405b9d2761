import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { Failure } from "./states.tsx";

interface ConfirmProps {
  readonly title: string;
  /** What will happen, in a sentence. */
  readonly children: ReactNode;
  readonly action: string;
  readonly danger?: boolean;
  /** The reason is recorded in the audit log. Null: none is asked. */
  readonly reasonLabel: string | null;
  readonly onConfirm: (reason: string) => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks before anything changes in production: says what will happen, wants a typed reason, shows the refusal where there is one. */
export function Confirm(props: ConfirmProps): ReactNode {
  const { title, children, action, danger = false, reasonLabel, onConfirm, onClose } = props;
  const { t } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [reason, setReason] = useState("");
  const [state, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setState({ busy: true, error: null });
    onConfirm(reason.trim()).then(onClose, (error: unknown) => setState({ busy: false, error }));
  };
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={heading}>{title}</h2>
        <div>{children}</div>
        {reasonLabel !== null && (
          <label className="field">
            {reasonLabel}
            <textarea
              required
              minLength={3}
              maxLength={1_000}
              rows={3}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          </label>
        )}
        {state.error !== null && <Failure error={state.error} />}
        <div className="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {t("action.cancel")}
          </button>
          <button type="submit" className={danger ? "danger" : "primary"} disabled={state.busy}>
            {state.busy ? t("state.working") : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
