import { type ReactNode, useEffect, useId, useRef } from "react";
import type { OpinionDocument } from "../../../src/core/opinion.ts";
import type { ReviewItem } from "../api/review.ts";
import { useLanguage } from "../i18n/text.tsx";
import { ClassBadge, useClassMeaning, useClassName } from "../parts/decision.tsx";
import { Key } from "../parts/key.tsx";
import { Failure } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { UndoButton } from "./last-decision.tsx";
import type { Decided, Draft, Step } from "./use-review.ts";

const RATINGS = [0, 0.25, 0.5, 0.75, 1] as const;

interface PanelProps {
  /** The decisions in the order of their keys. */
  readonly choices: readonly string[];
  readonly step: Step;
  readonly draft: Draft;
  setDraft(draft: Draft): void;
  decide(decision: string): void;
  skip(): void;
  undo(): void;
  next(): void;
  readonly progress: { readonly done: number | null; readonly secondsEach: number | null };
}

/** The decision: buttons with keys, rating where the opinion is known, notes; afterwards what the model said. */
export function DecisionPanel(props: PanelProps): ReactNode {
  const { step, progress } = props;
  const { t, format } = useLanguage();
  const heading = useId();
  return (
    <aside className="card decision" aria-labelledby={heading}>
      <h2 id={heading}>{step.at === "decided" ? t("review.compared") : t("review.question")}</h2>
      {step.at === "deciding" && <Deciding {...props} item={step.item} />}
      {step.at === "decided" && <Comparison decided={step} undo={props.undo} next={props.next} />}
      {progress.done !== null && (
        <p className="progress faint">
          {t("review.done", { count: progress.done })}
          {progress.secondsEach !== null && <> · {t("review.pace", { time: format.duration(1_000 * progress.secondsEach) })}</>}
        </p>
      )}
    </aside>
  );
}

function Deciding({ item, choices, draft, setDraft, decide, skip }: PanelProps & { readonly item: ReviewItem }): ReactNode {
  const { t } = useLanguage();
  const label = useClassName();
  const meaning = useClassMeaning();
  return (
    <>
      <p className="faint">{t(item.claim.mode === "blind" ? "review.blind.help" : "review.informed.help")}</p>
      {item.opinion !== null && <OpinionCard opinion={item.opinion} />}
      <div className="choices">
        {choices.map((name, position) => (
          <button
            key={name}
            type="button"
            className="choice"
            data-tone={name}
            onClick={() => decide(name)}
            aria-keyshortcuts={String(position + 1)}
          >
            {position < 9 && <Key>{position + 1}</Key>}
            <span>
              <strong>{label(name)}</strong>
              {meaning(name) !== null && <small>{meaning(name)}</small>}
            </span>
          </button>
        ))}
      </div>
      {item.opinion !== null && (
        <fieldset className="rating">
          <legend>
            <Term name="rating">{t("review.rating")}</Term>
          </legend>
          {RATINGS.map((value) => (
            <label key={value}>
              <input
                type="radio"
                name="rating"
                checked={draft.rating === value}
                onChange={() => setDraft({ ...draft, rating: value })}
              />
              <span>{t(`review.rating.${value * 100}` as "review.rating.0")}</span>
            </label>
          ))}
        </fieldset>
      )}
      <label className="field">
        <span>
          {t("review.notes")} <Key>n</Key>
        </span>
        <textarea
          id="review-notes"
          rows={2}
          maxLength={20_000}
          value={draft.notes}
          placeholder={t("review.notes.help")}
          onChange={(event) => setDraft({ ...draft, notes: event.target.value })}
        />
      </label>
      <button type="button" className="quiet" onClick={skip} aria-keyshortcuts="s">
        {t("review.skip")} <Key>s</Key>
      </button>
    </>
  );
}

function Comparison({ decided, undo, next }: { readonly decided: Decided; undo(): void; next(): void }): ReactNode {
  const { t } = useLanguage();
  const { delivery, decision, item } = decided;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  const opinion = item.opinion ?? (delivery?.state === "sent" ? delivery.answer.opinion : null);
  return (
    <div className="comparison">
      <p className="your-decision">
        {t("review.you")} <ClassBadge name={decision} />
      </p>
      <div role="status">
        {delivery === null && <p className="faint">{t("review.sending")}</p>}
        {delivery?.state === "waiting" && (
          <p className="notice" data-kind="warn">
            {t("review.kept")}
          </p>
        )}
        {opinion !== null && (
          <>
            <p>
              <strong>{t(opinion.opinion.recommendation === decision ? "review.agree" : "review.differ")}</strong>
            </p>
            <OpinionCard opinion={opinion} />
          </>
        )}
        {delivery?.state === "sent" && opinion === null && <p className="faint">{t("review.no-opinion")}</p>}
      </div>
      {delivery?.state === "refused" && <Failure error={delivery.error} />}
      <div className="actions">
        <UndoButton decided={decided} undo={undo} />
        <button ref={button} type="button" className="primary" onClick={next}>
          {t("review.next")} <Key>↵</Key>
        </button>
      </div>
    </div>
  );
}

export function OpinionCard({ opinion }: { readonly opinion: OpinionDocument }): ReactNode {
  const { t, format } = useLanguage();
  const label = useClassName();
  const { opinion: said } = opinion;
  const probabilities = Object.entries(opinion.probabilities ?? {});
  return (
    <section className="opinion" aria-label={t("review.opinion")}>
      <p>
        {t("review.model")} <ClassBadge name={said.recommendation} />{" "}
        {said.confidence_score !== null && (
          <Term name="confidence">{t("review.confidence", { share: format.percent(said.confidence_score, 0) })}</Term>
        )}
      </p>
      {probabilities.length > 0 && (
        <ul className="probabilities">
          {probabilities.map(([name, share]) => (
            <li key={name}>
              <span>{label(name)}</span>
              <meter min={0} max={1} value={share} aria-label={label(name)} />
              <span className="numeric">{format.percent(share, 0)}</span>
            </li>
          ))}
        </ul>
      )}
      {said.reasoning_summary && <p className="wrap">{said.reasoning_summary}</p>}
      {opinion.model !== null && (
        <p className="faint">{t("review.model-version", { name: opinion.model.name, version: opinion.model.version })}</p>
      )}
    </section>
  );
}
