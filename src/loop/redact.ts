/** Personal data in texts: found, and replaced before anything is stored. */
export { areNotesWithheld, cleanDocument, cleanFeedback, cleanNote, cleanOpinion, WITHHELD } from "./redact/documents.ts";
export { findPii } from "./redact/find.ts";
export { createRedactor, PII_STRATEGIES, type PiiStrategy, type Redact, type Redacted } from "./redact/redactor.ts";
export { PII_KINDS, type PiiKind, type Span } from "./redact/span.ts";
