import type { Command } from "./command.ts";

/** A command that is loaded only when it is typed, so that `requeen status` does not pay for the others. */
export interface CommandEntry {
  /** The same words as the command's own summary; a test compares. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command by its name, in the order of the help. docs/cli.md is generated from it. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  status: {
    summary: "Show what stands where: labels, readiness, champion, accuracy and last verdict of each specialist.",
    load: async () => (await import("./commands/status.ts")).status,
  },
  judge: {
    summary: "Judge plans or rows by a specialist's champion, and store the opinions.",
    load: async () => (await import("./commands/judge.ts")).judge,
  },
  "opinions import": {
    summary: "Import opinion documents of any version from a file or standard input.",
    load: async () => (await import("./commands/opinions-import.ts")).opinionsImport,
  },
  "opinions list": {
    summary: "List opinions, newest first.",
    load: async () => (await import("./commands/opinions-list.ts")).opinionsList,
  },
  "review next": {
    summary: "Claim an opinion that waits for a person, and show its plan.",
    load: async () => (await import("./commands/review-next.ts")).reviewNext,
  },
  "review submit": {
    summary: "Judge the opinion of a claim; then see what the model said.",
    load: async () => (await import("./commands/review-submit.ts")).reviewSubmit,
  },
  "review skip": {
    summary: "Leave an opinion to others: it does not come to you again for a while.",
    load: async () => (await import("./commands/review-close.ts")).reviewSkip,
  },
  "review release": {
    summary: "Give a claimed opinion back to the queue.",
    load: async () => (await import("./commands/review-close.ts")).reviewRelease,
  },
  "review undo": {
    summary: "Take a judgement back soon after it was submitted.",
    load: async () => (await import("./commands/review-close.ts")).reviewUndo,
  },
  "review list": {
    summary: "List a reviewer's claims, newest first.",
    load: async () => (await import("./commands/review-list.ts")).reviewList,
  },
  "review summary": {
    summary: "Show what waits for people, and how many labels each specialist still needs.",
    load: async () => (await import("./commands/review-list.ts")).reviewSummaryCommand,
  },
  "feedback import": {
    summary: "Import feedback documents of any version from a file or standard input.",
    load: async () => (await import("./commands/feedback-import.ts")).feedbackImport,
  },
  "feedback add": {
    summary: "Add one person's judgement of one opinion.",
    load: async () => (await import("./commands/feedback-add.ts")).feedbackAdd,
  },
  "feedback auto": {
    summary: "Let written rules judge the plans that no person has judged: tier rule, which decides nothing.",
    load: async () => (await import("./commands/feedback-auto.ts")).feedbackAuto,
  },
  "feedback list": {
    summary: "List feedback, newest first.",
    load: async () => (await import("./commands/feedback-list.ts")).feedbackList,
  },
  "feedback export": {
    summary: "Write feedback to a file or standard output, newest first.",
    load: async () => (await import("./commands/feedback-export.ts")).feedbackExport,
  },
  "feedback quarantine": {
    summary: "List what could not be read, try it again, or discard it.",
    load: async () => (await import("./commands/feedback-quarantine.ts")).feedbackQuarantine,
  },
  "datasets list": {
    summary: "List the snapshots that runs were trained and judged on, newest first.",
    load: async () => (await import("./commands/datasets-list.ts")).datasetsList,
  },
  "datasets show": {
    summary: "Show one snapshot: its rows by role, tier and class, what is out and why, and where the file lies.",
    load: async () => (await import("./commands/datasets-show.ts")).datasetsShow,
  },
  "trigger check": {
    summary: "Ask the trigger rule, and run every specialist that is READY.",
    load: async () => (await import("./commands/trigger-check.ts")).triggerCheck,
  },
  "drift check": {
    summary: "Compare what is judged now with what the champions learnt from, feature by feature.",
    load: async () => (await import("./commands/drift-check.ts")).driftCheck,
  },
  retrain: {
    summary: "Retrain one specialist or all: train a challenger, judge it, and promote it if the verdict allows.",
    load: async () => (await import("./commands/retrain.ts")).retrain,
  },
  train: {
    summary: "Retrain with the flags of the original training script, as MLproject and CronJobs call it.",
    load: async () => (await import("./commands/train.ts")).train,
  },
  "train-job": {
    summary: "Train one task of a run: what the pods of a training Job run.",
    load: async () => (await import("./commands/train-job.ts")).trainJob,
  },
  generate: {
    summary: "Generate synthetic plans with labels, by rule or by a language model; their labels never decide anything.",
    load: async () => (await import("./commands/generate.ts")).generate,
  },
  "runs list": {
    summary: "List retraining runs, newest first.",
    load: async () => (await import("./commands/runs-list.ts")).runsList,
  },
  "runs show": {
    summary: "Show one run: why it began, each step with its time, verdict, versions and error.",
    load: async () => (await import("./commands/runs-show.ts")).runsShow,
  },
  "runs resume": {
    summary: "Go on with a run that a crash, Ctrl-C or an absent server left.",
    load: async () => (await import("./commands/runs-resume.ts")).runsResume,
  },
  "runs cancel": {
    summary: "End a run for good; what it registered stays, nothing is promoted.",
    load: async () => (await import("./commands/runs-cancel.ts")).runsCancel,
  },
  "verdict show": {
    summary: "Explain a verdict: what was decided, why, on which rows, and what is missing.",
    load: async () => (await import("./commands/verdict-show.ts")).verdictShow,
  },
  "verdict recompute": {
    summary: "Compute a verdict again from its stored files, byte for byte; with --policy, ask what if.",
    load: async () => (await import("./commands/verdict-recompute.ts")).verdictRecompute,
  },
  "verdict approve": {
    summary: "Approve a verdict that waits for a person: its version goes into production.",
    load: async () => (await import("./commands/verdict-approve.ts")).verdictApprove,
  },
  "verdict decline": {
    summary: "Decline a verdict that waits for a person: the champion stays.",
    load: async () => (await import("./commands/verdict-approve.ts")).verdictDecline,
  },
  promote: {
    summary: "Put a registered version into production.",
    load: async () => (await import("./commands/promote.ts")).promote,
  },
  rollback: {
    summary: "Take the champion back: its predecessor is in production again.",
    load: async () => (await import("./commands/rollback.ts")).rollback,
  },
  "rollout status": {
    summary: "Show whether what is in production has reached the pods that judge.",
    load: async () => (await import("./commands/rollout.ts")).rolloutStatus,
  },
  "rollout apply": {
    summary: "Carry what is in production to the pods that judge, now, and verify it.",
    load: async () => (await import("./commands/rollout.ts")).rolloutApply,
  },
  pause: {
    summary: "Stop everything that changes production: no run starts, none promotes, no promotion is rolled out.",
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  resume: {
    summary: "End a pause: runs, promotions and rollouts go on.",
    load: async () => (await import("./commands/pause.ts")).resume,
  },
  history: {
    summary: "Show which version was in production when, or which versions judged a plan.",
    load: async () => (await import("./commands/history.ts")).history,
  },
  "models list": {
    summary: "List the registered versions of every specialist's model, newest first.",
    load: async () => (await import("./commands/models-list.ts")).modelsList,
  },
  "models show": {
    summary: "Show one registered version: its evidence, its digest and its files.",
    load: async () => (await import("./commands/models-show.ts")).modelsShow,
  },
  "models export": {
    summary: "Write a version's model directory to a folder, every file checked against its digest.",
    load: async () => (await import("./commands/models-export.ts")).modelsExport,
  },
  "models import": {
    summary: "Register a tree model that LightGBM, XGBoost or scikit-learn (as ONNX) trained elsewhere.",
    load: async () => (await import("./commands/models-import.ts")).modelsImport,
  },
  plan: {
    summary: "Show what the labels at hand could prove, and what more labels would buy, before anything is trained.",
    load: async () => (await import("./commands/plan.ts")).plan,
  },
  budget: {
    summary: "Show the error budget: how much chance of a false promotion is spent, left, and when it renews.",
    load: async () => (await import("./commands/budget.ts")).budget,
  },
  gate: {
    summary: "Judge a challenger that was trained elsewhere, from files; the exit code is the decision.",
    load: async () => (await import("./commands/gate.ts")).gate,
  },
  "audit list": {
    summary: "List the audit log, oldest first: who changed what, when.",
    load: async () => (await import("./commands/audit-list.ts")).auditList,
  },
  "audit verify": {
    summary: "Check the whole audit log: that no entry was changed, removed or moved.",
    load: async () => (await import("./commands/audit-verify.ts")).auditVerify,
  },
  "token create": {
    summary: "Make an API key for a program; the key is shown once.",
    load: async () => (await import("./commands/token-create.ts")).tokenCreate,
  },
  "token list": {
    summary: "List the API keys, newest first; never their secrets.",
    load: async () => (await import("./commands/token-list.ts")).tokenList,
  },
  "token revoke": {
    summary: "End an API key for good.",
    load: async () => (await import("./commands/token-revoke.ts")).tokenRevoke,
  },
  "token mint": {
    summary: "Sign a short-lived JSON Web Token with JWT_SECRET_KEY, for a try-out or a script of an operator.",
    load: async () => (await import("./commands/token-mint.ts")).tokenMint,
  },
  migrate: {
    summary: "Copy everything from one store to another, or complete in place what the original system left in a MongoDB.",
    load: async () => (await import("./commands/migrate.ts")).migrate,
  },
  "backup create": {
    summary: "Copy store, registry and files into a folder of backups, while everything goes on.",
    load: async () => (await import("./commands/backup-create.ts")).backupCreate,
  },
  "backup verify": {
    summary: "Read a backup back whole: digests, SQLite's own check, counts, audit chain, files that records name.",
    load: async () => (await import("./commands/backup-verify.ts")).backupVerify,
  },
  "backup restore": {
    summary: "Bring a backup back into an empty data folder, and an empty database where MONGODB_URI is set.",
    load: async () => (await import("./commands/backup-restore.ts")).backupRestore,
  },
  "backup list": {
    summary: "List the backups in a folder, newest first.",
    load: async () => (await import("./commands/backup-list.ts")).backupList,
  },
  "backup prune": {
    summary: "Remove all but the newest backups of a folder.",
    load: async () => (await import("./commands/backup-prune.ts")).backupPrune,
  },
  prune: {
    summary: "Remove files of old runs that no verdict, version or unfinished run refers to.",
    load: async () => (await import("./commands/prune.ts")).prune,
  },
  "k8s render": {
    summary: "Print the Kubernetes manifests: service, CronJobs, jobs, access, network, backup.",
    load: async () => (await import("./commands/k8s-render.ts")).k8sRender,
  },
  doctor: {
    summary: "Try everything that Requeen needs, and say what to do where it fails.",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  "config show": {
    summary: "Show the configuration in force and where each value comes from.",
    load: async () => (await import("./commands/config-show.ts")).configShow,
  },
  example: {
    summary: "Run the whole loop on example data: hive, spambase or german-credit.",
    load: async () => (await import("./commands/example.ts")).example,
  },
  mlflow: {
    summary: "Serve the embedded MLflow-compatible server alone: tracking, model registry and artifacts.",
    load: async () => (await import("./commands/mlflow.ts")).mlflow,
  },
  serve: {
    summary: "Serve the API and the embedded MLflow server, resume runs, and retrain what is ready.",
    load: async () => (await import("./commands/serve.ts")).serve,
  },
  start: {
    summary: "Run the hive example, show its verdicts and the status table, then serve: what `npm start` does.",
    load: async () => (await import("./commands/start.ts")).start,
  },
};
