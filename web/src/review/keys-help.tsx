import { type ReactNode, useEffect, useRef } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { useClassMeaning, useClassName } from "../parts/decision.tsx";

interface HelpProps {
  readonly classes: readonly string[];
  readonly keysOn: boolean;
  setKeysOn(on: boolean): void;
  readonly straightOn: boolean;
  setStraightOn(on: boolean): void;
  onClose(): void;
}

/** How reviewing works, its keys, and the two settings of this browser. */
export function KeysHelp({ classes, keysOn, setKeysOn, straightOn, setStraightOn, onClose }: HelpProps): ReactNode {
  const { t } = useLanguage();
  const label = useClassName();
  const meaning = useClassMeaning();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const keys: readonly [string, string][] = [
    ...classes
      .slice(0, 9)
      .map((name, position): [string, string] => [
        String(position + 1),
        [label(name), meaning(name)].filter((part) => part !== null).join(": "),
      ]),
    ["n", t("keys.notes")],
    ["s", t("keys.skip")],
    ["u", t("keys.undo")],
    ["↵", t("keys.next")],
    ["Esc", t("keys.escape")],
  ];
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">{t("help.title")}</h2>
      <p>{t("help.what")}</p>
      <p>{t("help.blind")}</p>
      <dl className="keys">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={keysOn} onChange={(event) => setKeysOn(event.target.checked)} />
        {t("help.keys-on")}
      </label>
      <label className="check">
        <input type="checkbox" checked={straightOn} onChange={(event) => setStraightOn(event.target.checked)} />
        {t("help.straight-on")}
      </label>
      <div className="actions">
        <button type="button" className="primary" onClick={() => dialog.current?.close()}>
          {t("action.close")}
        </button>
      </div>
    </dialog>
  );
}
