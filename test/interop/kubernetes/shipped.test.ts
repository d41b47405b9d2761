import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RealCluster, startCluster } from "./cluster.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
/** Built by test/interop/manifests. */
const HELM = join(process.env.REQUEEN_INTEROP_CACHE ?? join(homedir(), ".cache", "requeen-interop"), "manifests", "helm");
const has = (program: string, ...words: string[]): boolean => spawnSync(program, words, { stdio: "ignore" }).status === 0;
const hasKubectl = has("kubectl", "version", "--client");
const hasHelm = has(HELM, "version");

/** What people type, with the real kubectl: what is shipped in deploy/, and what the command line prints. */
describe.skipIf(!hasKubectl)("kubectl (skipped where there is none) takes what is shipped", () => {
  let cluster: RealCluster;
  let folder: string;
  beforeAll(async () => {
    cluster = await startCluster(process.env.REQUEEN_INTEROP_KUBERNETES ?? "");
    folder = mkdtempSync(join(tmpdir(), "requeen-shipped-"));
  });
  afterAll(async () => {
    await cluster?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const kubectl = (...words: string[]): string =>
    execFileSync("kubectl", ["--kubeconfig", cluster.kubeconfig, ...words], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const requeen = (...words: string[]): string => {
    const file = join(folder, "manifests.yaml");
    const args = [join(ROOT, "src", "cli", "main.ts"), "k8s", "render", ...words];
    const env = { PATH: process.env.PATH, HOME: folder, REQUEEN_ACTOR: "test" };
    writeFileSync(file, execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", env, maxBuffer: 1 << 26 }));
    return file;
  };
  const count = (output: string): number => output.trim().split("\n").length;

  test("the overlays apply, in a dry run of the client and for real", () => {
    kubectl("create", "namespace", "semantic-translation");
    for (const overlay of ["dev", "production"]) {
      // a claim's access mode is fixed, so one overlay does not become the other in place
      kubectl("delete", "namespace", "requeen", "--ignore-not-found", "--wait=true");
      const path = `deploy/kubernetes/overlays/${overlay}`;
      expect(kubectl("apply", "--dry-run=client", "--validate=strict", "-k", path)).toMatch(
        /deployment\.apps\/requeen .*dry run/,
      );
      expect(kubectl("apply", "--server-side", "--validate=strict", "-k", path)).toContain(
        "deployment.apps/requeen serverside-applied",
      );
    }
    expect(kubectl("-n", "requeen", "get", "hpa,pdb,cronjob", "-o", "name").trim().split("\n").sort()).toEqual([
      "cronjob.batch/requeen-backup",
      "cronjob.batch/requeen-drift-check",
      "cronjob.batch/requeen-prune",
      "cronjob.batch/requeen-trigger-check",
      "horizontalpodautoscaler.autoscaling/requeen",
      "poddisruptionbudget.policy/requeen",
    ]);
  });

  test("the jobs apply, also as files", () => {
    for (const job of ["check-status", "job", "job-all", "auto-feedback"])
      expect(kubectl("apply", "--validate=strict", "-f", `deploy/kubernetes/jobs/${job}.yaml`)).toContain("created");
  });

  test("the ConfigMap variant, with the whole program in it, fits through the API server", () => {
    const file = requeen("--what", "configmap", "--specialist", "business");
    const output = kubectl("apply", "--server-side", "--validate=strict", "-f", file);
    expect(output).toContain("job.batch/requeen-train-business-code serverside-applied");
    expect(count(output)).toBeGreaterThan(2);
  });

  test("what the command line prints applies twice, the second time without a change", () => {
    const file = requeen(
      "--namespace",
      "printed",
      "--mongodb-secret",
      "mongodb-secret/uri",
      "--mlflow-uri",
      "http://mlflow:5000",
    );
    kubectl("apply", "--server-side", "--validate=strict", "-f", file);
    const generations = () =>
      kubectl("-n", "printed", "get", "deploy,svc,hpa,netpol,cronjob", "-o", "jsonpath={.items[*].metadata.generation}");
    const before = generations();
    kubectl("apply", "--server-side", "--validate=strict", "-f", file);
    expect(generations()).toBe(before);
  });

  test.skipIf(!hasHelm)("the chart's objects apply (skipped where test/interop/manifests has not built Helm)", () => {
    const file = join(folder, "chart.yaml");
    const words = ["template", "requeen", "deploy/helm/requeen", "--namespace", "charted", "--kube-version", "v1.33.0"];
    writeFileSync(
      file,
      execFileSync(HELM, [...words, "--set", "nodePort=30081,autoFeedback=true"], { cwd: ROOT, encoding: "utf8" }),
    );
    kubectl("create", "namespace", "charted");
    expect(kubectl("-n", "charted", "apply", "--validate=strict", "-f", file)).toContain("deployment.apps/requeen created");
  });
});
