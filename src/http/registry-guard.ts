import type { FastifyRequest } from "fastify";
import { isRequeenError } from "../core/errors.ts";
import { demand, type Identity, type Permission } from "../core/identity.ts";
import type { Access } from "../mlflow/endpoint.ts";
import type { Authenticate } from "./auth/authenticate.ts";
import { type Denials, isDenial } from "./auth/denials.ts";

const NEEDED: Readonly<Record<Access, Permission>> = {
  read: "registry_read",
  write: "registry_write",
  promote: "registry_promote",
};

/**
 * The embedded MLflow server's door: the same tokens as the API's, as bearer or as the password of basic authentication.
 * @param denials where refusals are noted; null: nowhere.
 * @param onIdentity called once the caller of a request of our own server is known; may refuse it.
 * @throws RequeenError unauthenticated, forbidden
 */
export const registryGuard =
  (
    authenticate: Authenticate,
    denials: Denials | null = null,
    onIdentity: (request: FastifyRequest, identity: Identity) => void = () => undefined,
  ) =>
  async (token: string | undefined, access: Access, request: FastifyRequest | null): Promise<void> => {
    let identity: Identity | null = null;
    try {
      identity = await authenticate(token);
      if (request !== null) onIdentity(request, identity);
      demand(identity, NEEDED[access]);
    } catch (error) {
      if (isRequeenError(error) && isDenial(error))
        await denials?.record({ subject: identity?.subject ?? null, asked: `mlflow ${access}`, error, requestId: null });
      throw error;
    }
  };
