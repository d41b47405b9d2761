import { createHash } from "node:crypto";
import { PLAN_V1_EN } from "./prompts/plan-v1-en.ts";
import { PLAN_V1_PT } from "./prompts/plan-v1-pt.ts";
import type { Prompt } from "./prompts/prompt.ts";

export const PROMPT_LANGUAGES = ["en", "pt"] as const;
export type PromptLanguage = (typeof PROMPT_LANGUAGES)[number];
export const PROMPTS: Readonly<Record<PromptLanguage, Prompt>> = { en: PLAN_V1_EN, pt: PLAN_V1_PT };

/** SHA-256 of the whole text before it is filled, hex: what the dataset card shows. */
export const promptDigest = ({ system, user, words }: Prompt): string =>
  createHash("sha256")
    .update(JSON.stringify([system, user, words]))
    .digest("hex");

/** Fills `{words}` once: braces in a value stay as they are. A word that no value fills is a bug of the prompt. */
export const fillPrompt = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{([a-zA-Z]+)\}/g, (_whole, word: string) => {
    const value = values[word];
    if (value === undefined) throw new Error(`the prompt asks for {${word}}, which nothing fills`);
    return value;
  });
