import { RequeenError } from "../../../core/errors.ts";
import { APIS, type Api } from "./apis.ts";

/** A service that answers prompts. `schema`: whether its structured output takes a JSON schema, or only "some JSON". */
interface ProviderEntry {
  readonly api: keyof typeof APIS;
  /** Null: the caller must say where. */
  readonly baseUrl: string | null;
  readonly keyNames: readonly string[];
  readonly needsKey: boolean;
  readonly keyHeader: "authorization" | "api-key" | "x-api-key";
  readonly schema: boolean;
  /** The name of the limit on answered tokens: services differ. */
  readonly limitName: "max_tokens" | "max_completion_tokens";
  readonly model: string | null;
}

const compatible = {
  api: "chat",
  needsKey: true,
  keyHeader: "authorization",
  schema: true,
  limitName: "max_tokens",
  model: null,
} as const;

/** LLM_API_KEY, LLM_BASE_URL and LLM_MODEL, the original names, hold where a provider's own are not set. */
export const PROVIDERS = {
  local: { ...compatible, baseUrl: "http://127.0.0.1:11434/v1", keyNames: [], needsKey: false, model: "llama2" },
  openai: {
    ...compatible,
    baseUrl: "https://api.openai.com/v1",
    keyNames: ["OPENAI_API_KEY"],
    limitName: "max_completion_tokens",
  },
  anthropic: {
    ...compatible,
    api: "messages",
    baseUrl: "https://api.anthropic.com/v1",
    keyNames: ["ANTHROPIC_API_KEY"],
    keyHeader: "x-api-key",
  },
  azure_openai: {
    ...compatible,
    baseUrl: null,
    keyNames: ["AZURE_OPENAI_API_KEY"],
    keyHeader: "api-key",
    limitName: "max_completion_tokens",
  },
  deepseek: { ...compatible, baseUrl: "https://api.deepseek.com/v1", keyNames: ["DEEPSEEK_API_KEY"], schema: false },
  groq: { ...compatible, baseUrl: "https://api.groq.com/openai/v1", keyNames: ["GROQ_API_KEY"], schema: false },
  together: { ...compatible, baseUrl: "https://api.together.xyz/v1", keyNames: ["TOGETHER_API_KEY"] },
  openrouter: { ...compatible, baseUrl: "https://openrouter.ai/api/v1", keyNames: ["OPENROUTER_API_KEY"] },
} as const satisfies Record<string, ProviderEntry>;
export type ProviderName = keyof typeof PROVIDERS;
export const PROVIDER_NAMES = Object.keys(PROVIDERS) as ProviderName[];

export interface ProviderChoice {
  readonly name: ProviderName;
  readonly model?: string | undefined;
  readonly baseUrl?: string | undefined;
}

/** A provider that is ready to be asked. */
export interface Provider {
  readonly name: ProviderName;
  readonly api: Api;
  readonly model: string;
  /** Without credentials; shown in the card. */
  readonly baseUrl: string;
  readonly schema: boolean;
  readonly limitName: ProviderEntry["limitName"];
  /** Of every call, the key among them: never shown. */
  readonly headers: () => Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Everything that can be wrong about a choice, before anything is paid: name, model, address, key.
 * @throws RequeenError bad_parameter, bad_config (a key is missing)
 */
export function openProvider({ name, model, baseUrl }: ProviderChoice, environment: Environment): Provider {
  const entry: ProviderEntry = PROVIDERS[name];
  const chosen = model ?? filled(environment.LLM_MODEL) ?? entry.model;
  if (chosen === null)
    throw new RequeenError("bad_parameter", `provider ${name} needs a model: give --llm-model or LLM_MODEL`, { provider: name });
  const azure = name === "azure_openai" ? azureAddress(filled(environment.AZURE_OPENAI_ENDPOINT)) : null;
  const typed = baseUrl ?? azure ?? filled(environment.LLM_BASE_URL) ?? entry.baseUrl;
  if (typed === null)
    throw new RequeenError(
      "bad_parameter",
      `provider ${name} needs its address: give --llm-base-url, LLM_BASE_URL or AZURE_OPENAI_ENDPOINT`,
      { provider: name },
    );
  const address = readAddress(name, typed);
  const names = [...entry.keyNames, "LLM_API_KEY"];
  const key = names.map((keyName) => filled(environment[keyName])).find((value) => value !== null) ?? null;
  if (key === null && entry.needsKey)
    throw new RequeenError("bad_config", `provider ${name} needs a key: set ${names.join(" or ")} in the environment`, {
      provider: name,
      names,
    });
  if (key !== null && /[^\x21-\x7e]/.test(key))
    throw new RequeenError("bad_config", `the key of provider ${name} holds a blank or a character that no header can carry`, {
      provider: name,
    });
  if (key !== null && address.protocol === "http:" && !isOwnMachine(address.hostname))
    throw new RequeenError(
      "bad_parameter",
      `provider ${name} would get its key unencrypted: --llm-base-url must begin with https://; got ${address.origin}`,
      { provider: name },
    );
  const api = APIS[entry.api];
  return {
    name,
    api,
    model: chosen,
    baseUrl: `${address.origin}${address.pathname.replace(/\/+$/, "")}`,
    schema: entry.schema,
    limitName: entry.limitName,
    headers: () => ({
      ...api.headers,
      ...(key === null ? {} : { [entry.keyHeader]: entry.keyHeader === "authorization" ? `Bearer ${key}` : key }),
    }),
  };
}

const filled = (value: string | undefined): string | null => (value === undefined || value.trim() === "" ? null : value.trim());
const azureAddress = (endpoint: string | null): string | null =>
  endpoint === null ? null : `${endpoint.replace(/\/+$/, "")}/openai/v1`;
const isOwnMachine = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

function readAddress(name: string, typed: string): URL {
  const refuse = (rule: string): never => {
    throw new RequeenError("bad_parameter", `--llm-base-url of provider ${name} ${rule}`, { provider: name });
  };
  const address = URL.parse(typed);
  if (address === null || !/^https?:$/.test(address.protocol))
    return refuse(`must begin with http:// or https://; got ${JSON.stringify(typed.slice(0, 100))}`);
  if (address.username !== "" || address.password !== "")
    return refuse("must not hold a user or password: keys come from the environment");
  if (address.search !== "" || address.hash !== "") return refuse("must not hold ? or #");
  return address;
}
