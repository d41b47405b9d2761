import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";

/** The folder of a Python environment with MLflow 3: REQUEEN_BENCH_MLFLOW, or the one that the interop suites make once. */
function environment(root: string): string {
  const given = process.env.REQUEEN_BENCH_MLFLOW;
  if (given !== undefined) return given;
  return execFileSync(join(root, "test/interop/registry/venv.sh"), ["mlflow3"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
}

/** How to start the real server on a folder, with one worker. */
export function mlflowCommand(root: string): (dataDir: string, port: number) => { program: string; words: string[] } {
  const folder = environment(root);
  return (dataDir, port) => ({
    program: join(folder, "bin/mlflow"),
    words: [
      "server",
      ...["--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
      ...[
        "--backend-store-uri",
        `sqlite:///${join(dataDir, "registry.db")}`,
        "--artifacts-destination",
        join(dataDir, "artifacts"),
      ],
    ],
  });
}

/** Brings a file to the schema of the installed MLflow. */
export function mlflowUpgrade(root: string, path: string): void {
  execFileSync(join(environment(root), "bin/mlflow"), ["db", "upgrade", `sqlite:///${path}`], {
    stdio: ["ignore", "ignore", "inherit"],
    cwd: dirname(path),
  });
}
