import { dismissHelper, type FitTicket, inviteHelper, reportLostHelper } from "../engine/fit-helpers.ts";

interface Place<W> {
  readonly ticket: FitTicket;
  /** Who helps with it; null: nobody, "lost": nobody ever again. */
  helper: W | "lost" | null;
  dismissed: boolean;
}

/** Which threads of a pool help in which fits. The fits themselves wait for nobody who has not taken a part. */
export class HelperRoster<W> {
  /** Places in the fit that each thread makes now. */
  private readonly fits = new Map<W, Place<W>[]>();
  /** The place of each thread that helps, in a fit that may have ended meanwhile. */
  private readonly placeOf = new Map<W, Place<W>>();

  get helping(): number {
    return this.placeOf.size;
  }

  workers(): W[] {
    return [...this.placeOf.keys()];
  }

  /** The owner's fit is the one of these tickets, and its earlier ones have ended. */
  open(owner: W, tickets: readonly FitTicket[]): void {
    this.close(owner);
    if (tickets.length === 0) return;
    this.fits.set(
      owner,
      tickets.map((ticket) => ({ ticket, helper: null, dismissed: false })),
    );
  }

  /** The owner's fit has ended, or the owner has: who helped it is let go. */
  close(owner: W): void {
    for (const place of this.fits.get(owner) ?? []) this.letGo(place);
    this.fits.delete(owner);
  }

  /** A ticket that nobody has, of the fit that has the fewest helpers. */
  nextTicket(): FitTicket | null {
    const counted = [...this.fits.values()].map((places) => ({
      helpers: places.filter(({ helper }) => helper !== null).length,
      free: places.find(({ helper }) => helper === null),
    }));
    const [least] = counted.filter(({ free }) => free !== undefined).sort((a, b) => a.helpers - b.helpers);
    return least?.free?.ticket ?? null;
  }

  join(worker: W, ticket: FitTicket): void {
    const place = [...this.fits.values()].flat().find((each) => each.ticket === ticket);
    if (place === undefined) throw new Error("a thread was to help in a fit that has ended");
    place.helper = worker;
    place.dismissed = false;
    inviteHelper(ticket);
    this.placeOf.set(worker, place);
  }

  /** The thread helps no longer. */
  leave(worker: W): void {
    const place = this.placeOf.get(worker);
    if (place !== undefined) place.helper = null;
    this.placeOf.delete(worker);
  }

  /** Calls so many helpers away, if there are so many; they `leave` when they have heard of it. */
  dismiss(count: number): void {
    let called = 0;
    for (const place of this.placeOf.values()) {
      if (called >= count) return;
      called += 1;
      this.letGo(place);
    }
  }

  /** The thread has ended. @returns whether it helped: its fit is told. */
  lose(worker: W): boolean {
    const place = this.placeOf.get(worker);
    if (place === undefined) return false;
    this.placeOf.delete(worker);
    place.helper = "lost";
    reportLostHelper(place.ticket);
    return true;
  }

  private letGo(place: Place<W>): void {
    if (place.dismissed || place.helper === null || place.helper === "lost") return;
    place.dismissed = true;
    dismissHelper(place.ticket);
  }
}
