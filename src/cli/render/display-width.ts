import { eastAsianWidth } from "get-east-asian-width";

const STYLE_SEQUENCES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
const PLAIN = /^[\x20-\x7e]*$/;
const NOTHING = /^[\p{Cc}\p{Cf}\p{Mn}\p{Me}\p{Cs}]$/u;
const JOINER = "\u200d";
const AS_EMOJI = "\ufe0f";
const FLAG_LETTER = /^[\u{1f1e6}-\u{1f1ff}]$/u;

/** A piece of text that takes its cells as a whole. */
interface Cluster {
  readonly text: string;
  /** Terminal cells: 0, 1 or 2. */
  readonly cells: number;
}

/**
 * Terminal cells of a text: wide characters take two, combining marks and style sequences none, an emoji joined of several two.
 * Written here because the usual packages load a segmenter at import, 30 ms of each start.
 */
export function displayWidth(text: string): number {
  const bare = text.includes("\u001b") ? text.replaceAll(STYLE_SEQUENCES, "") : text;
  if (PLAIN.test(bare)) return bare.length;
  return clustersOf(bare).reduce((sum, { cells }) => sum + cells, 0);
}

/** The first part of a text that fits into `cells`, ending in an ellipsis when something was left out. Cut text loses its styles. */
export function cut(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text;
  let kept = "";
  let used = 0;
  for (const cluster of clustersOf(text.replaceAll(STYLE_SEQUENCES, ""))) {
    if (used + cluster.cells > cells - 1) break;
    kept += cluster.text;
    used += cluster.cells;
  }
  return `${kept}…`;
}

function clustersOf(text: string): Cluster[] {
  const clusters: { text: string; cells: number }[] = [];
  let joins = false;
  let openFlag = false;
  for (const character of text) {
    const last = clusters.at(-1);
    const isFlagLetter = FLAG_LETTER.test(character);
    if (last !== undefined && (joins || NOTHING.test(character))) {
      last.text += character;
      if (character === AS_EMOJI) last.cells = 2;
    } else if (last !== undefined && openFlag && isFlagLetter) {
      // two flag letters are one flag
      last.text += character;
    } else {
      clusters.push({
        text: character,
        cells: NOTHING.test(character) ? 0 : isFlagLetter ? 2 : eastAsianWidth(character.codePointAt(0) ?? 0),
      });
      openFlag = isFlagLetter;
      joins = character === JOINER;
      continue;
    }
    openFlag = false;
    joins = character === JOINER;
  }
  return clusters;
}
