import { z } from "zod";
import { MAX_PAGE } from "../store/page.ts";
import type { OptionSpecs } from "./command.ts";

/** Options of every command that lists. */
export const PAGE_OPTIONS = {
  limit: { summary: "how many to show", value: "<count>", type: z.int().min(1).max(MAX_PAGE).default(20) },
  cursor: { summary: "go on after a page: its `next`", value: "<cursor>", type: z.string().optional() },
} as const satisfies OptionSpecs;

export const SPECIALIST_OPTION = {
  specialist: { summary: "only of this specialist", value: "<name>", type: z.string().optional() },
} as const satisfies OptionSpecs;

/** The line under a table that has a next page. */
export const moreLine = (next: string | null): string => (next === null ? "" : `\n\nMore: add --cursor ${next}`);
