import { findCards, findIbans } from "./bank.ts";
import { findCnpjs, findCpfs } from "./brazil.ts";
import { findEmails } from "./email.ts";
import { findIps } from "./ip.ts";
import { findPhones } from "./phone.ts";
import type { Span } from "./span.ts";

/** What has check digits comes first: where two kinds stand in one place, the surer one holds. */
const DETECTORS = [findEmails, findIbans, findCnpjs, findCpfs, findCards, findIps, findPhones];
/** Fewer digits than this hold none of the kinds but an e-mail address or a short IPv6 address. */
const LEAST_DIGITS = 4;

/** Personal data in a text, in order, without overlaps. */
export function findPii(written: string): Span[] {
  const text = plainMarks(written);
  if (!mayHold(text)) return [];
  const found: Span[] = [];
  for (const [rank, detector] of DETECTORS.entries())
    for (const span of detector(text)) found.push({ ...span, rank } as Span & { rank: number });
  const ranked = found as (Span & { rank: number })[];
  // by place; of those that overlap, the one of the surer kind
  ranked.sort((a, b) => a.rank - b.rank || a.start - b.start);
  const taken: Span[] = [];
  const covered = new Uint8Array(text.length);
  for (const { kind, start, end } of ranked) {
    if (covered.subarray(start, end).includes(1)) continue;
    covered.fill(1, start, end);
    taken.push({ kind, start, end });
  }
  return taken.sort((a, b) => a.start - b.start);
}

/** What word processors, web pages and other keyboards write for a blank, a hyphen, a full stop, an `@` and digits, one mark each. */
const OTHER_MARKS = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2010-\u2015\u2212\uff0b-\uff1a\uff20]/g;

/** The text with plain marks in the places of those; of the same length, so that places in one are places in the other. */
const plainMarks = (text: string): string =>
  text.replace(OTHER_MARKS, (mark) => {
    const code = mark.charCodeAt(0);
    if (code >= 0xff00) return String.fromCharCode(code - 0xfee0);
    return code === 0x2212 || (code >= 0x2010 && code <= 0x2015) ? "-" : " ";
  });

/** Most texts hold neither an `@` nor digits enough: one look at each character. */
function mayHold(text: string): boolean {
  let digits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 64) return true;
    if (code >= 48 && code <= 57) {
      digits += 1;
      if (digits >= LEAST_DIGITS) return true;
    } else if (code === 58 && text.charCodeAt(at + 1) === 58) return true;
  }
  return false;
}
