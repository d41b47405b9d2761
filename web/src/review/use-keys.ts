import { useEffect, useRef } from "react";

export interface KeyActions {
  /** @param position of the class, from 0. */
  decide(position: number): void;
  skip(): unknown;
  undo(): unknown;
  next(): unknown;
  notes(): unknown;
  help(): unknown;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  !isChoice(target);
const isChoice = (target: HTMLElement): boolean =>
  target instanceof HTMLInputElement && /^(radio|checkbox|range)$/.test(target.type);
const isPressable = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest("button, a, summary, [role=button]") !== null;

/** Single keys, while nobody types and no other key is held. They can be switched off (WCAG 2.1.4). */
export function useKeys(enabled: boolean, actions: KeyActions): void {
  const current = useRef(actions);
  current.current = actions;
  useEffect(() => {
    if (!enabled) return;
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
      if (event.key === "Escape" && isTyping(event.target)) {
        (event.target as HTMLElement).blur();
        return;
      }
      if (isTyping(event.target)) return;
      const act = actionOf(event, current.current);
      if (act === null) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [enabled]);
}

function actionOf(event: KeyboardEvent, actions: KeyActions): (() => unknown) | null {
  if (/^[1-9]$/.test(event.key)) return () => actions.decide(Number(event.key) - 1);
  switch (event.key) {
    case "s":
      return actions.skip;
    case "u":
      return actions.undo;
    case "n":
      return actions.notes;
    case "?":
      return actions.help;
    case "Enter":
    case "ArrowRight":
      // Enter on a button is that button's
      return isPressable(event.target) ? null : actions.next;
    default:
      return null;
  }
}
