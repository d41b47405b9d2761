import type { ShownTrigger } from "../../loop/present.ts";
import type { Terminal } from "../terminal.ts";
import { bareMessage, wrap } from "./figures.ts";

/** What the trigger rule says of each specialist, in its own sentences. `verb`: what happens to those that are ready. */
export function renderTriggers(triggers: readonly ShownTrigger[], verb: string, { style, width }: Terminal): string {
  return triggers
    .map(({ specialist, state, reasons }) => {
      const head = state === "READY" ? style.green(verb) : state === "BLOCKED" ? style.red("blocked") : state.toLowerCase();
      const why = reasons.map(({ sentence }) => bareMessage(sentence, specialist)).join(" ");
      return wrap(`${style.bold(specialist)}: ${head}. ${why}`, Math.min(width, 100), "  ");
    })
    .join("\n");
}
