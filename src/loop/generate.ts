/** Synthetic plans and datasets: the rule generator, the language models, and the gates, counts and card that every generator shares. */
export { classCounts, contentsOf, duplicatesOf, qualityOf } from "./generate/card-contents.ts";
export {
  type DatasetCard,
  datasetCardMarkdown,
  datasetCardSchema,
  readDatasetCard,
  writeDatasetCard,
} from "./generate/dataset-card.ts";
export { type DescriptionScore, scoreDescription, scoreDescriptions } from "./generate/description-score.ts";
export {
  GATES,
  type Gate,
  type GateOptions,
  type GateResult,
  passGates,
  RejectionTally,
} from "./generate/gates.ts";
export { type GenerateByRuleRequest, generateByRule, generateByRuleInThreads } from "./generate/generate-by-rule.ts";
export {
  GENERATORS,
  type GenerateDatasetRequest,
  type GeneratedDataset,
  type GenerateSurroundings,
  generateDataset,
} from "./generate/generate-dataset.ts";
export type { GeneratedRow } from "./generate/generated-row.ts";
export { PROMPT_LANGUAGES, type PromptLanguage } from "./generate/llm/prompts.ts";
export { PROVIDER_NAMES, type ProviderChoice, type ProviderName } from "./generate/llm/providers.ts";
export { DuplicateIndex, type NearDuplicate } from "./generate/near-duplicates.ts";
