/**
 * Every failure a caller can meet. `http` is the response status, `exit` the exit code of the command line.
 * docs/errors.md is generated from this table. Exit codes: 2 the call is wrong, 3 the data is wrong, 4 not found, 5 in conflict with the
 * present state, 6 not allowed, 7 something needed is away (try again), 8 stored data is damaged, 9 refused: the evidence does not allow it.
 */
export const ERRORS = {
  bad_parameter: {
    http: 400,
    exit: 2,
    meaning: "A value is outside its documented range.",
    remedy: "The message names the value and what is allowed.",
  },
  bad_config: {
    http: 500,
    exit: 2,
    meaning: "The configuration file or environment has an unknown key or a bad value.",
    remedy: "Run `requeen config show`; see docs/config.md.",
  },
  bad_request: {
    http: 400,
    exit: 2,
    meaning: "The request is not of the form that the endpoint takes.",
    remedy: "The message names the field and what is allowed.",
  },
  unknown_command: { http: 400, exit: 2, meaning: "No command or option has this name.", remedy: "Run `requeen --help`." },

  bad_document: {
    http: 422,
    exit: 3,
    meaning: "A document cannot be read as an opinion, a feedback or a plan.",
    remedy: "The message names field, value and reason; quarantined documents are listed by `requeen feedback quarantine`.",
  },
  bad_plan: {
    http: 422,
    exit: 3,
    meaning: "A plan has no tasks, a cycle, a dangling dependency or a value out of range.",
    remedy: "Mend the plan; the message names the task.",
  },
  bad_features: {
    http: 422,
    exit: 3,
    meaning: "Feature values do not fit the specialist's feature schema.",
    remedy: "Send every column of the schema, by name, as a number or null.",
  },
  bad_data: {
    http: 422,
    exit: 3,
    meaning: "Training or scoring data is not usable: shape, classes, weights or labels.",
    remedy: "The message names column, row or class.",
  },
  bad_model: {
    http: 422,
    exit: 3,
    meaning: "A model file is truncated, altered or of an unknown version.",
    remedy: "Export the model again, or retrain.",
  },
  bad_query: {
    http: 400,
    exit: 2,
    meaning: "A filter, an order or a page token cannot be read.",
    remedy: "The message names the part.",
  },
  payload_too_large: {
    http: 413,
    exit: 3,
    meaning: "A body or file is larger than the limit.",
    remedy: "Send it in parts, or raise the limit in the configuration.",
  },

  headers_too_large: {
    http: 431,
    exit: 2,
    meaning: "Address and headers of the request are larger than the server reads.",
    remedy: "Send less in the address; long values belong into the body.",
  },
  unsupported_media_type: {
    http: 415,
    exit: 2,
    meaning: "The body is of a media type that the endpoint does not take.",
    remedy: "The message names the types that it takes; set the header Content-Type.",
  },
  method_not_allowed: {
    http: 405,
    exit: 2,
    meaning: "The address exists, and does not take this method.",
    remedy: "The header Allow names the methods that it takes.",
  },
  request_timeout: {
    http: 408,
    exit: 7,
    meaning: "The body of the request came too slowly.",
    remedy: "Nothing was stored; send it again over a better line.",
  },
  too_many_requests: {
    http: 429,
    exit: 7,
    meaning: "This identity sends more requests than it may, or this address failed to sign in too often.",
    remedy: "Wait as long as the header Retry-After says, then try again.",
  },
  request_in_progress: {
    http: 409,
    exit: 5,
    meaning: "A request with this Idempotency-Key is being worked on.",
    remedy: "Ask again after the time of the header Retry-After: the answer will be that request's.",
  },

  not_found: { http: 404, exit: 4, meaning: "No such thing exists.", remedy: "The `list` commands show what exists." },
  specialist_not_found: {
    http: 404,
    exit: 4,
    meaning: "No specialist has this name.",
    remedy: "`requeen config show` lists the specialists.",
  },
  opinion_not_found: {
    http: 404,
    exit: 4,
    meaning: "No opinion has this id.",
    remedy: "Import opinions before the feedback on them.",
  },
  feedback_not_found: {
    http: 404,
    exit: 4,
    meaning: "No feedback has this id.",
    remedy: "`requeen feedback list` shows the ids.",
  },
  run_not_found: { http: 404, exit: 4, meaning: "No run has this id.", remedy: "`requeen runs list` shows the ids." },
  dataset_not_found: { http: 404, exit: 4, meaning: "No dataset has this id.", remedy: "`requeen datasets list` shows the ids." },
  verdict_not_found: {
    http: 404,
    exit: 4,
    meaning: "No verdict has this id.",
    remedy: "`requeen runs list` shows each run's verdict.",
  },
  model_not_found: {
    http: 404,
    exit: 4,
    meaning: "The registry has no such model, version or alias.",
    remedy: "`requeen models list` shows what is registered.",
  },

  conflict: {
    http: 409,
    exit: 5,
    meaning: "The change contradicts the present state.",
    remedy: "Read the present state, then try again.",
  },
  already_exists: {
    http: 409,
    exit: 5,
    meaning: "A thing of this name or id exists, with other content.",
    remedy: "Use another id, or read the existing one.",
  },
  run_active: {
    http: 409,
    exit: 5,
    meaning: "The specialist has a run that is not ended.",
    remedy: "Wait for it, or `requeen runs resume RUN` / `requeen runs cancel RUN`.",
  },
  lease_lost: {
    http: 409,
    exit: 5,
    meaning: "Another process took over this run.",
    remedy: "Nothing: the other process finishes it. `requeen runs list` shows it.",
  },
  tombstoned: {
    http: 409,
    exit: 5,
    meaning: "This version was rolled back and is not promoted again by itself.",
    remedy: "`requeen promote --force --reason ...` if you are sure.",
  },
  cancelled: {
    http: 409,
    exit: 5,
    meaning: "The work was cancelled before its end.",
    remedy: "A run goes on with `requeen runs resume --all`, anything else with the same command.",
  },

  unauthenticated: {
    http: 401,
    exit: 6,
    meaning: "The request carries no valid token.",
    remedy: "Send `Authorization: Bearer <token>`; `requeen serve` prints where the token lies.",
  },
  forbidden: {
    http: 403,
    exit: 6,
    meaning: "The token does not allow this.",
    remedy: "Ask for a token with the role that the message names.",
  },

  overloaded: {
    http: 503,
    exit: 7,
    meaning: "More is under way than the limit allows; this was not begun.",
    remedy: "Nothing was stored; send it again after Retry-After.",
  },
  worker_lost: {
    http: 503,
    exit: 7,
    meaning: "A training thread ended before it answered.",
    remedy: "Retry; the run resumes where it stood.",
  },
  store_unavailable: {
    http: 503,
    exit: 7,
    meaning: "The store cannot be reached or is locked by another process.",
    remedy: "Nothing acknowledged is lost; try again.",
  },
  registry_unavailable: {
    http: 503,
    exit: 7,
    meaning: "The MLflow server cannot be reached or answers with errors.",
    remedy: "Check MLFLOW_TRACKING_URI; `requeen doctor` tries it. The run resumes.",
  },
  cluster_unavailable: {
    http: 503,
    exit: 7,
    meaning: "The Kubernetes API server cannot be reached or answers with errors.",
    remedy: "Check the kubeconfig or the service account; `requeen doctor` tries it. The run resumes and adopts its Job.",
  },
  image_unavailable: {
    http: 503,
    exit: 7,
    meaning: "The cluster cannot pull the image of a training pod.",
    remedy: "Check cluster.image and the pull secret; the Job was deleted, and the run makes it again when it resumes.",
  },
  no_capacity: {
    http: 503,
    exit: 7,
    meaning: "The cluster has no room for a training pod: a quota, or no node that fits.",
    remedy: "Raise the quota or lower cluster.resources; the Job was deleted, and the run makes it again when it resumes.",
  },
  job_lost: {
    http: 503,
    exit: 7,
    meaning:
      "A training Job ended without an answer: its pods were lost or evicted too often, it took too long, or somebody deleted it.",
    remedy: "The message says which. The run resumes with a new Job; what was answered is not trained again.",
  },
  job_failed: {
    http: 502,
    exit: 1,
    meaning: "The program of a training pod ended by an error of its own, more often than it may.",
    remedy: "The message holds the pod's last words; its log stands with the MLflow run.",
  },
  paused: {
    http: 409,
    exit: 5,
    meaning: "Training, promotion and rollout are paused for the whole installation.",
    remedy: "`requeen status` says since when and why; `requeen resume` ends it. A rollback is always allowed.",
  },
  rollout_failed: {
    http: 502,
    exit: 7,
    meaning: "What is in production did not reach the pods that judge, or they do not report it.",
    remedy: "`requeen rollout status` shows what each pod says; `requeen rollout apply` tries again.",
  },
  identity_unavailable: {
    http: 503,
    exit: 7,
    meaning: "The OpenID provider or the public keys of token signers cannot be reached.",
    remedy: "Check auth.jwksUrl and auth.oidcIssuer; tokens of other kinds go on working.",
  },
  disk_full: {
    http: 507,
    exit: 7,
    meaning: "The disk or the quota is full.",
    remedy: "Make room, then try again; nothing was half-written.",
  },
  out_of_memory: {
    http: 507,
    exit: 7,
    meaning: "The work would need more memory than the limit.",
    remedy: "The message names the estimate and the limit.",
  },

  store_corrupt: {
    http: 500,
    exit: 8,
    meaning: "The store's file is damaged or not a Requeen store.",
    remedy: "Restore a backup; the file was not changed.",
  },
  store_read_only: {
    http: 500,
    exit: 8,
    meaning: "The store's file or folder cannot be written.",
    remedy: "Check owner and mode, or set REQUEEN_DATA_DIR.",
  },
  store_too_new: {
    http: 500,
    exit: 8,
    meaning: "The store was written by a newer Requeen.",
    remedy: "Upgrade Requeen; the file was not changed.",
  },
  digest_mismatch: {
    http: 500,
    exit: 8,
    meaning: "A stored file differs from the SHA-256 recorded for it.",
    remedy: "Restore the file; nothing was loaded from it.",
  },

  evidence_refused: {
    http: 409,
    exit: 9,
    meaning: "The labels at hand cannot decide anything: fabricated, echoed, machine-made or of one class.",
    remedy: "The message names what was seen; `requeen status` shows it too. Collect human labels through the review queue.",
  },
  not_enough_evidence: {
    http: 409,
    exit: 9,
    meaning: "There are too few human labels to train or to judge.",
    remedy: "The message names how many are missing.",
  },
  no_champion: {
    http: 409,
    exit: 9,
    meaning: "The specialist has no production model yet.",
    remedy: "`requeen retrain SPECIALIST` makes the first one.",
  },
  no_predecessor: {
    http: 409,
    exit: 9,
    meaning: "There is no earlier production version to roll back to.",
    remedy: "`requeen history` shows what was in production.",
  },
  not_promotable: {
    http: 409,
    exit: 9,
    meaning: "The verdict does not allow this promotion.",
    remedy: "`requeen verdict show` tells why; `--force --reason` overrides, and is recorded.",
  },

  generation_short: {
    http: 409,
    exit: 9,
    meaning: "Fewer generated plans passed the quality gates than were asked for.",
    remedy: "The message counts the refusals by gate; lower the least quality or allow fewer plans.",
  },

  provider_unavailable: {
    http: 503,
    exit: 7,
    meaning: "A language model's provider cannot be reached, is overloaded, or answers with errors.",
    remedy: "Paid answers are kept in the journal beside the output; the same command goes on from there.",
  },
  provider_refused: {
    http: 502,
    exit: 6,
    meaning: "A language model's provider refuses the call: key, model or request.",
    remedy: "The message holds its answer; check the key in the environment, --llm-model and --llm-base-url.",
  },

  not_implemented: {
    http: 501,
    exit: 1,
    meaning: "The server knows the call but does not offer it.",
    remedy: "The message names what to use instead.",
  },
  internal: {
    http: 500,
    exit: 1,
    meaning: "A bug in Requeen.",
    remedy: "Report it with the request id; nothing was half-written.",
  },
} as const satisfies Record<string, { http: number; exit: number; meaning: string; remedy: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A failure that a caller can meet and act on. `details` are JSON-safe and shown to the caller; the cause is for logs only. */
export class RequeenError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param message names the value, its owner, what is allowed and what came; the code is put before it.
   * @param details JSON-safe facts for programs.
   */
  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = "RequeenError";
    this.code = code;
    this.details = details;
  }
}

export const isRequeenError = (error: unknown, code?: ErrorCode): error is RequeenError =>
  error instanceof RequeenError && (code === undefined || error.code === code);
