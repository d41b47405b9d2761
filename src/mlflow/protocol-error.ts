/** MLflow's error codes with their HTTP status and the two fields that MLflow added in 2026. Source: reference/mlflow-protocol.md 2.1. */
export const MLFLOW_ERRORS = {
  INVALID_PARAMETER_VALUE: { http: 400, errorClass: "INVALID_PARAMETER_VALUE" },
  BAD_REQUEST: { http: 400, errorClass: "INVALID_PARAMETER_VALUE" },
  RESOURCE_ALREADY_EXISTS: { http: 400, errorClass: "RESOURCE_ALREADY_EXISTS" },
  // MLflow answers 500 for this caller's mistake; its client then retries for four minutes, so the status is 400 here.
  INVALID_STATE: { http: 400, errorClass: "CLIENT_INTERNAL_ERROR" },
  UNAUTHENTICATED: { http: 401, errorClass: "UNAUTHENTICATED" },
  PERMISSION_DENIED: { http: 403, errorClass: "PERMISSION_DENIED" },
  RESOURCE_DOES_NOT_EXIST: { http: 404, errorClass: "RESOURCE_NOT_FOUND" },
  NOT_FOUND: { http: 404, errorClass: undefined },
  ENDPOINT_NOT_FOUND: { http: 404, errorClass: "RESOURCE_NOT_FOUND" },
  RESOURCE_LIMIT_EXCEEDED: { http: 413, errorClass: "INVALID_PARAMETER_VALUE" },
  REQUEST_LIMIT_EXCEEDED: { http: 429, errorClass: undefined },
  INTERNAL_ERROR: { http: 500, errorClass: "CLIENT_INTERNAL_ERROR" },
  NOT_IMPLEMENTED: { http: 501, errorClass: undefined },
  TEMPORARILY_UNAVAILABLE: { http: 503, errorClass: "TEMPORARILY_UNAVAILABLE" },
} as const satisfies Record<string, { http: number; errorClass: string | undefined }>;

export type MlflowErrorCode = keyof typeof MLFLOW_ERRORS;

/** A failure that goes back to an MLflow client as `{error_code, message}`. Not a RequeenError: MLflow's clients match these codes and texts. */
export class MlflowError extends Error {
  readonly code: MlflowErrorCode;
  readonly httpStatus: number;

  /** @param httpStatus replaces the code's own status where MLflow's client must not retry. */
  constructor(code: MlflowErrorCode, message: string, httpStatus: number = MLFLOW_ERRORS[code].http) {
    super(message);
    this.name = "MlflowError";
    this.code = code;
    this.httpStatus = httpStatus;
  }

  toJSON(): Record<string, string> {
    const { errorClass } = MLFLOW_ERRORS[this.code];
    if (errorClass === undefined) return { error_code: this.code, message: this.message };
    const sqlstate = errorClass === "CLIENT_INTERNAL_ERROR" ? "XXM00" : "KAM00";
    return { error_code: this.code, message: this.message, sqlstate, error_class: errorClass };
  }
}

export const invalid = (message: string): MlflowError => new MlflowError("INVALID_PARAMETER_VALUE", message);
export const missing = (message: string): MlflowError => new MlflowError("RESOURCE_DOES_NOT_EXIST", message);
