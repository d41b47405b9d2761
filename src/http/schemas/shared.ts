import { z } from "zod";
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import { MAX_LISTED } from "./limits.ts";

/** A point in time as answers hold it. */
export const time = z.iso.datetime({ offset: true });

/** @param id name of the shape in the OpenAPI document. The shape is told to the compiler as `T`, which the tests of answers hold it to. */
export const shape = <T>(id: string, schema: z.ZodType): z.ZodType<T, T> => schema.meta({ id }) as unknown as z.ZodType<T, T>;

export const id = z.string().min(1).max(256);
export const byId = z.strictObject({ id });
export const specialistName = z.string().min(1).max(63).describe("name of a specialist");
export const ofSpecialist = z.strictObject({ specialist: specialistName });
export const bySpecialist = z.strictObject({ specialist: specialistName.optional().describe("only of this specialist") });

/** Query fields of every list. */
export const page = {
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(50).describe("how many at most"),
  cursor: z.string().max(2_000).optional().describe("`next` of the page before"),
};

/** `{ [plural]: [...], next }`, as every list answers. */
export const listOf = <T>(componentId: string, plural: string, item: z.ZodType): z.ZodType<T, T> =>
  shape<T>(
    componentId,
    z.strictObject({
      [plural]: z.array(item),
      next: z.string().nullable().describe("cursor of the next page; null on the last"),
    }),
  );

/** A switch in a query; left out, it is off. */
export const flag = z
  .enum(["true", "false"])
  .optional()
  .transform((text) => text === "true");

export const reason = z.string().min(1).max(2_000).describe("why; kept in the audit log");

/** RFC 9457, with the code of docs/errors.md. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string().describe("what the code means"),
    status: z.int(),
    code: z.enum(Object.keys(ERRORS) as ErrorCode[]),
    detail: z.string().describe("what was wrong with this request: field, what is allowed, what came"),
    remedy: z.string().describe("what to do next"),
    request_id: z.string().describe("names the request in the server's log; also the header x-request-id"),
  })
  .meta({ id: "Problem" });

/** An answer that is a file, not JSON. */
export const file = (mediaType: string) => ({
  description: "the file",
  content: { [mediaType]: { schema: z.string().meta({ format: "binary" }) } },
});
