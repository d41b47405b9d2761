import type { RouteAccess } from "../../../src/http/auth/access.ts";

/** Who may use each route below /api/. A new route is written here by hand: who may use it is a decision. */
export const ACCESS: Readonly<Record<string, RouteAccess>> = {
  "GET /api/v1/approvals": "read",

  "GET /api/v1/audit": "administer",
  "GET /api/v1/audit/verify": "administer",

  "GET /api/v1/budget": "read",

  "GET /api/v1/datasets": "read",
  "GET /api/v1/datasets/:id": "read",
  "GET /api/v1/datasets/:id/file": "read",

  "GET /api/v1/docs": "public",

  "GET /api/v1/events": "read",

  "GET /api/v1/feedback": "read",
  "POST /api/v1/feedback": "feedback",
  "DELETE /api/v1/feedback/:id": "feedback",
  "GET /api/v1/feedback/:id": "read",
  "PATCH /api/v1/feedback/:id": "feedback",
  "GET /api/v1/feedback/export": "import",
  "GET /api/v1/feedback/health": "public",
  "POST /api/v1/feedback/import": "import",
  "GET /api/v1/feedback/opinion/:opinion_id": "read",
  "GET /api/v1/feedback/stats": "read",

  "GET /api/v1/history": "read",

  "GET /api/v1/imports/:id": "signed_in",

  "GET /api/v1/me": "signed_in",

  "GET /api/v1/models": "read",
  "GET /api/v1/models/:specialist/:version": "read",
  "GET /api/v1/models/:specialist/:version/files/*": "read",

  "GET /api/v1/openapi.json": "public",

  "GET /api/v1/opinions": "read",
  "POST /api/v1/opinions": "judge",
  "GET /api/v1/opinions/:id": "read",
  "POST /api/v1/opinions/import": "judge",
  "GET /api/v1/opinions/pending": "read",

  "GET /api/v1/plan": "read",

  "GET /api/v1/quarantine": "import",
  "POST /api/v1/quarantine/:id/discard": "import",
  "POST /api/v1/quarantine/:id/replay": "import",
  "POST /api/v1/quarantine/replay": "import",

  "GET /api/v1/review/claims": "review",
  "POST /api/v1/review/claims/:id/release": "review",
  "POST /api/v1/review/claims/:id/renew": "review",
  "POST /api/v1/review/claims/:id/skip": "review",
  "POST /api/v1/review/claims/:id/submit": "review",
  "POST /api/v1/review/claims/:id/undo": "review",
  "POST /api/v1/review/next": "review",
  "GET /api/v1/review/summary": "review",

  "GET /api/v1/runs": "read",
  "GET /api/v1/runs/:id": "read",
  "POST /api/v1/runs/:id/cancel": "operate",
  "GET /api/v1/runs/:id/charts": "read",
  "GET /api/v1/runs/:id/log": "read",
  "GET /api/v1/rollouts": "read",
  "POST /api/v1/pause": "operate",
  "POST /api/v1/resume": "operate",
  "POST /api/v1/runs/:id/resume": "operate",

  "DELETE /api/v1/session": "signed_in",
  "GET /api/v1/session": "signed_in",
  "POST /api/v1/session": "public",

  "GET /api/v1/specialists": "read",
  "GET /api/v1/specialists/:specialist": "read",
  "GET /api/v1/specialists/:specialist/findings": "read",
  "POST /api/v1/specialists/:specialist/judge": "judge",
  "POST /api/v1/specialists/:specialist/promote": "operate",
  "POST /api/v1/specialists/:specialist/retrain": "operate",
  "POST /api/v1/specialists/:specialist/rollback": "operate",

  "GET /api/v1/status": "read",

  "GET /api/v1/tokens": "administer",
  "POST /api/v1/tokens": "administer",
  "DELETE /api/v1/tokens/:id": "administer",

  "GET /api/v1/triggers": "read",

  "GET /api/v1/verdicts": "read",
  "GET /api/v1/verdicts/:id": "read",
  "GET /api/v1/verdicts/:id/approval": "read",
  "POST /api/v1/verdicts/:id/approve": "operate",
  "POST /api/v1/verdicts/:id/decline": "operate",
  "POST /api/v1/verdicts/:id/recompute": "read",
};
