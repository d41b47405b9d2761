/** Counts what holds and what does not, as every suite here: `ok` or `NOT OK` a line, then `N passed, N failed`. */
export class Report {
  #passed = 0;
  #failed = 0;

  /** Runs one check; what it throws is its failure. A scenario that hangs is one too. */
  async check(title: string, work: () => Promise<void>, atMostMs = 60_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${atMostMs} ms`)), atMostMs);
    });
    try {
      await Promise.race([work(), tooLong]);
      this.#passed += 1;
      process.stdout.write(`ok      ${title}\n`);
    } catch (error) {
      this.#failed += 1;
      process.stdout.write(
        `NOT OK  ${title}\n        ${String(error instanceof Error ? error.stack : error).replaceAll("\n", "\n        ")}\n`,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}
