import { createReadStream } from "node:fs";
import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { MEDIA_TYPES } from "../../loop/documents/format.ts";
import { findDataset } from "../../loop/find-record.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { showDataset, showList } from "../../loop/present.ts";
import { demandSpecialist, specialistInScope } from "../auth/access.ts";
import { digestHeader } from "../digest-header.ts";
import { datasetAnswer, datasetsAnswer } from "../schemas/records.ts";
import { byId, file, page, specialistName } from "../schemas/shared.ts";

const ONE = ["dataset_not_found", "bad_parameter"] as const;

/** The snapshots that runs were trained and judged on. */
export const datasetRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/datasets",
      {
        config: { permission: "read", problems: ["specialist_not_found", "bad_query"] },
        schema: {
          summary: "Snapshots, newest first: as `requeen datasets list`",
          querystring: z.strictObject({ ...page, specialist: specialistName.optional() }),
          response: { 200: datasetsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query;
        const specialist = specialistInScope(request, request.query.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const { items, next } = await house.store.listDatasets({ specialist }, { limit, cursor });
        return showList("datasets", items.map(showDataset), next);
      },
    );

    app.get(
      "/datasets/:id",
      {
        config: { permission: "read", problems: ONE },
        schema: { summary: "One snapshot, by its id or the first digits of it", params: byId, response: { 200: datasetAnswer } },
      },
      async (request) => {
        const dataset = await findDataset(house, request.params.id);
        demandSpecialist(request, dataset.specialist);
        return showDataset(dataset);
      },
    );

    app.get(
      "/datasets/:id/file",
      {
        config: { permission: "read", problems: [...ONE, "not_found", "digest_mismatch"] },
        schema: {
          summary: "The snapshot's Parquet file",
          description: "Checked against its digest, which stands in the header Repr-Digest; the id is the same digest in hex.",
          params: byId,
          response: { 200: file(MEDIA_TYPES.parquet) },
        },
      },
      async (request, reply) => {
        const dataset = await findDataset(house, request.params.id);
        demandSpecialist(request, dataset.specialist);
        const path = await house.blobs.path(dataset.dataset_id);
        return reply
          .header("content-type", MEDIA_TYPES.parquet)
          .header("content-length", dataset.size_bytes)
          .header(
            "content-disposition",
            `attachment; filename="${dataset.specialist}-${dataset.dataset_id.slice(0, 12)}.parquet"`,
          )
          .header("repr-digest", digestHeader(dataset.dataset_id))
          .send(createReadStream(path) as never);
      },
    );
    done();
  };
