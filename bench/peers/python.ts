import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Packages of the peers, the current ones of PyPI. */
const PACKAGES = ["scikit-learn", "lightgbm", "xgboost", "numpy"];

/**
 * A Python that has the peers: BENCH_PYTHON, or a venv made once under node_modules/.cache (some 600 MB, from PyPI).
 */
export function findPython(root: string): string {
  const given = process.env.BENCH_PYTHON;
  if (given !== undefined) return given;
  const folder = join(root, "node_modules", ".cache", "requeen-bench-python");
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (!existsSync(join(folder, "ready"))) {
    process.stderr.write(`Making ${folder} with ${PACKAGES.join(", ")} ...\n`);
    for (const words of [
      ["python3", "-m", "venv", folder],
      [python, "-m", "pip", "install", "--quiet", ...PACKAGES],
      [python, "-c", `open(${JSON.stringify(join(folder, "ready"))}, "w")`],
    ]) {
      const [program, ...rest] = words;
      const { status, error } = spawnSync(program, rest, { stdio: ["ignore", 2, 2] });
      if (error !== undefined || status !== 0) throw new Error(`${words.join(" ")} ended with ${error?.message ?? status}`);
    }
  }
  return python;
}

/** A Python program that answers each JSON line with one JSON line. */
export class PythonPeer implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(python: string, script: string, words: readonly string[]) {
    const child = spawn(python, [script, ...words], { stdio: ["pipe", "pipe", "inherit"] });
    this.child = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints, read as JSON. */
  async read(): Promise<Record<string, unknown>> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error("the Python peer ended before it answered");
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed !== "object" || parsed === null) throw new Error(`the Python peer answered ${value}`);
    return { ...parsed };
  }

  ask(request: object): Promise<Record<string, unknown>> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode === null) await new Promise((resolve) => this.child.once("close", resolve));
  }
}
