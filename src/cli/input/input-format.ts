import { z } from "zod";
import { FORMATS } from "../../loop/documents/format.ts";
import type { OptionSpecs } from "../command.ts";

export const FORMAT_OPTION = {
  format: {
    summary: "form of the file, where its ending does not tell; - is ndjson unless told",
    value: "<form>",
    type: z.enum(FORMATS).optional(),
  },
} as const satisfies OptionSpecs;
