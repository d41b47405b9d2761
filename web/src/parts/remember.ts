/** Small settings of this browser. A browser that keeps nothing (private mode, full disk) forgets them: each has a default. */
const PREFIX = "requeen.";

export function load(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function save(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // nothing is lost that the next visit cannot ask again
  }
}
