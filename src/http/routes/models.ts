import { Readable } from "node:stream";
import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { House } from "../../loop/house.ts";
import { readModelFile } from "../../loop/model-file.ts";
import { listModels, showVersion } from "../../loop/models.ts";
import { demandSpecialist, houseInScope, specialistInScope } from "../auth/access.ts";
import { digestHeader } from "../digest-header.ts";
import { modelDetailsAnswer, modelsAnswer } from "../schemas/records.ts";
import { bySpecialist, file, ofSpecialist } from "../schemas/shared.ts";

const ofVersion = ofSpecialist.extend({
  version: z.string().min(1).max(64).describe("a number, or an alias: champion, challenger"),
});
const ONE = ["specialist_not_found", "model_not_found", "no_champion", "registry_unavailable"] as const;

/** Registered versions and their files; reading only. */
export const modelRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/models",
      {
        config: { permission: "read", problems: ["specialist_not_found", "registry_unavailable"] },
        schema: {
          summary: "Registered versions, newest first: as `requeen models list`",
          querystring: bySpecialist,
          response: { 200: modelsAnswer },
        },
      },
      async (request) =>
        listModels(
          houseInScope(house, request.identity),
          request.query.specialist === undefined ? undefined : specialistInScope(request, request.query.specialist),
        ),
    );

    app.get(
      "/models/:specialist/:version",
      {
        config: { permission: "read", problems: ONE },
        schema: {
          summary: "One version with its evidence and its files: as `requeen models show`",
          params: ofVersion,
          response: { 200: modelDetailsAnswer },
        },
      },
      async (request) => {
        demandSpecialist(request, request.params.specialist);
        return showVersion(house, request.params.specialist, request.params.version);
      },
    );

    app.get(
      "/models/:specialist/:version/files/*",
      {
        config: { permission: "read", problems: [...ONE, "not_found", "bad_parameter", "digest_mismatch"] },
        schema: {
          summary: "One file of a version's model directory",
          description:
            "Checked against the digest that was recorded at registration, which stands in the header Repr-Digest. Only files that the version has.",
          params: ofVersion.extend({ "*": z.string().min(1).max(1_024) }),
          response: { 200: file("application/octet-stream") },
        },
      },
      async (request, reply) => {
        const { specialist, version, "*": path } = request.params;
        demandSpecialist(request, specialist);
        const { bytes, sha256 } = await readModelFile(house, specialist, version, path);
        return reply
          .header("content-type", "application/octet-stream")
          .header("content-length", bytes.byteLength)
          .header("repr-digest", digestHeader(sha256))
          .header("content-disposition", `attachment; filename="${path.replaceAll(/[^\w.-]/g, "_")}"`)
          .send(Readable.from([bytes]) as never);
      },
    );
    done();
  };
