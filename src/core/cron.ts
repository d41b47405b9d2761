/** When a schedule is due: five fields of cron (minute, hour, day of month, month, day of week), in UTC. */
export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 = Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** Both days are restricted: then either suffices, as cron has it. */
  readonly eitherDay: boolean;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MS = 86_400_000;
/** A 29 February that falls on a wanted weekday can be 40 years away; no schedule that is meant is rarer than eight years. */
const MOST_DAYS = 366 * 8;

/** @returns null where the text is no schedule: wrong number of fields, a value out of range, an empty range. */
export function parseCron(text: string): Cron | null {
  const fields = text.trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || minute === undefined || hour === undefined || day === undefined) return null;
  if (month === undefined || weekday === undefined) return null;
  const minutes = parseField(minute, 0, 59, []);
  const hours = parseField(hour, 0, 23, []);
  const days = parseField(day, 1, 31, []);
  const months = parseField(month, 1, 12, MONTHS);
  const weekdays = parseField(weekday, 0, 7, WEEKDAYS);
  if (minutes === null || hours === null || days === null || months === null || weekdays === null) return null;
  if (weekdays.delete(7)) weekdays.add(0);
  return { minutes, hours, days, months, weekdays, eitherDay: !day.startsWith("*") && !weekday.startsWith("*") };
}

/** Lists of `*`, values, ranges, each with a step: `1,5-9/2`. @param names of values, from `least` on. */
function parseField(text: string, least: number, most: number, names: readonly string[]): Set<number> | null {
  const values = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const found = /^(?:(\*)|([a-z]+|\d+)(?:-([a-z]+|\d+))?)(?:\/(\d+))?$/.exec(part);
    if (found === null) return null;
    const [, all, first, last, every] = found;
    const step = every === undefined ? 1 : Number(every);
    const from = all === undefined ? named(first ?? "", least, names) : least;
    const single = last === undefined ? (every === undefined ? from : most) : named(last, least, names);
    const to = all === undefined ? single : most;
    if (!(step >= 1 && from >= least && to <= most && from <= to)) return null;
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

function named(text: string, least: number, names: readonly string[]): number {
  const at = names.indexOf(text);
  return at >= 0 ? at + least : /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** The last time at or before `nowMs` at which the schedule was due, ms since the epoch; null where there was none in eight years. */
export function lastDueMs(cron: Cron, nowMs: number): number | null {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const latest = Math.floor((nowMs - today) / 60_000);
  for (let back = 0; back < MOST_DAYS; back++) {
    const startMs = today - back * DAY_MS;
    if (!fitsDay(cron, new Date(startMs))) continue;
    for (let minute = back === 0 ? latest : 1_439; minute >= 0; minute--) {
      if (cron.hours.has(Math.floor(minute / 60)) && cron.minutes.has(minute % 60)) return startMs + minute * 60_000;
    }
  }
  return null;
}

function fitsDay({ days, months, weekdays, eitherDay }: Cron, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [byDay, byWeekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return eitherDay ? byDay || byWeekday : byDay && byWeekday;
}
