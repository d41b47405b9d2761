import { cut } from "./render/display-width.ts";
import type { Terminal } from "./terminal.ts";

/** Tells a person how far the work is; to standard error only, so a script that reads the result never sees it. */
export interface Progress {
  /** Begins a line for one piece of work, a specialist for example. Lines live side by side until they end. */
  begin(name: string): ProgressLine;
  /** A remark between the lines. */
  say(text: string): void;
  /** Ends drawing; what stands on the screen stays. */
  close(): void;
}

export interface ProgressLine {
  /** The step that begins now, as one or two words. */
  step(text: string): void;
  /** How much of the whole work is done, 0 to 1. Only drawn, never printed. */
  share(done: number): void;
  /** Ends the line with its outcome. */
  end(outcome: string): void;
}

/** A bar per line on a terminal, one printed line per step elsewhere. */
export const openProgress = (terminal: Terminal): Progress =>
  terminal.interactive ? new Bars(terminal) : new PrintedSteps(terminal);

class PrintedSteps implements Progress {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  begin(name: string): ProgressLine {
    const { note } = this.#terminal;
    return {
      step: (text) => note(`${name}: ${text}`),
      share: ignoreShare,
      end: (outcome) => note(`${name}: ${outcome}`),
    };
  }

  say(text: string): void {
    this.#terminal.note(text);
  }

  close(): void {
    // every line was printed whole
  }
}

const ignoreShare = (_done: number): void => undefined;

interface Bar {
  readonly name: string;
  text: string;
  /** 0 to 1. */
  done: number;
  ended: boolean;
}

const BAR_CELLS = 24;
const REDRAW_EVERY_MS = 80;
const ESCAPE = String.fromCharCode(27);
const CLEAR_BELOW = `${ESCAPE}[0J`;

class Bars implements Progress {
  readonly #terminal: Terminal;
  readonly #bars: Bar[] = [];
  /** Lines on the screen that the next drawing replaces. */
  #drawn = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  begin(name: string): ProgressLine {
    const bar: Bar = { name, text: "", done: 0, ended: false };
    this.#bars.push(bar);
    this.#redrawSoon();
    return {
      step: (text) => {
        bar.text = text;
        this.#redrawSoon();
      },
      share: (done) => {
        bar.done = Math.min(Math.max(done, 0), 1);
        this.#redrawSoon();
      },
      end: (outcome) => {
        bar.text = outcome;
        bar.ended = true;
        this.#redrawSoon();
      },
    };
  }

  say(text: string): void {
    this.#erase();
    this.#terminal.note(text);
    this.#draw();
  }

  close(): void {
    this.#draw();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#bars.length = 0;
    this.#drawn = 0;
  }

  /** Draws at most every 80 ms, however often the work reports. */
  #redrawSoon(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#draw();
    }, REDRAW_EVERY_MS);
    // a bar must not keep a finished process alive
    this.#timer.unref();
  }

  #erase(): void {
    if (this.#drawn > 0) this.#terminal.draw(`${ESCAPE}[${this.#drawn}A\r${CLEAR_BELOW}`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (this.#bars.length === 0) return;
    this.#erase();
    const nameWidth = Math.max(...this.#bars.map(({ name }) => name.length));
    const lines = this.#bars.map((bar) =>
      cut(`${bar.name.padEnd(nameWidth)}  ${renderBar(bar)}${bar.text}`, this.#terminal.width - 1),
    );
    this.#terminal.draw(`${lines.join("\n")}\n`);
    this.#drawn = lines.length;
  }
}

function renderBar({ done, ended }: Bar): string {
  if (ended) return "";
  const full = Math.round(done * BAR_CELLS);
  return `${"█".repeat(full)}${"░".repeat(BAR_CELLS - full)} ${String(Math.round(done * 100)).padStart(3)} %  `;
}

/** For `--json` and for tests: says nothing. */
export const SILENT_PROGRESS: Progress = {
  begin: () => ({ step: ignoreText, share: ignoreShare, end: ignoreText }),
  say: ignoreText,
  close: () => undefined,
};

function ignoreText(_text: string): void {
  // silent by request
}
