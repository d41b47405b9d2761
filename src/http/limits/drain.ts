import type { FastifyInstance } from "fastify";

declare module "fastify" {
  interface FastifyInstance {
    /** Set when the server has begun to end: it is no longer ready, and answers what is under way. */
    readonly draining: { begun: boolean };
  }
}

/** How often connections are looked through for those that have become idle. */
const SWEEP_MS = 100;

/** Call it before routes are registered. */
export function installDraining(app: FastifyInstance): void {
  const draining = { begun: false };
  app.decorate("draining", draining);
  app.addHook("onSend", async (_request, reply) => {
    if (draining.begun) reply.header("connection", "close");
  });
}

/**
 * Ends the server in order: from now on it is not ready and takes no new connection; requests under way are answered, event streams end,
 * idle connections are closed. What is not answered after `deadlineMs` is cut off.
 * @returns how many connections were cut off.
 */
export async function drain(app: FastifyInstance, deadlineMs: number): Promise<number> {
  app.draining.begun = true;
  let cut = 0;
  const deadline = setTimeout(() => {
    app.server.getConnections((_error, count) => {
      cut = count;
      app.server.closeAllConnections();
    });
  }, deadlineMs);
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(deadline);
    clearInterval(sweep);
  }
  return cut;
}
