import type { Plan } from "../../core/plan.ts";
import { type DomainFamily, domainFamily, WORD_FAMILIES, type WordFamily, wordsOf } from "../../features/index.ts";
import { textsOf } from "./texts.ts";

/** Weights of the five parts (original-system.md 2.22). */
export const SCORE_WEIGHTS = { length: 0.3, diversity: 0.25, domain: 0.2, security: 0.15, qos: 0.1 } as const;
export type ScorePart = keyof typeof SCORE_WEIGHTS;
export type ScoreParts = Record<ScorePart, number>;
export const SCORE_PARTS = Object.keys(SCORE_WEIGHTS) as ScorePart[];

export interface DescriptionContext {
  readonly domain: string | null;
  readonly securityLevel: string | null;
  /** Delivery that the plan asks for: exactly_once, at_least_once or at_most_once. */
  readonly qos: string | null;
}

export interface DescriptionScore {
  /** 0..1, the weighted sum of the parts. */
  readonly score: number;
  readonly parts: ScoreParts;
}

/** Words that say nothing by themselves, English and Portuguese; like words of one or two letters they do not count for diversity. */
const STOP_WORDS = new Set(
  wordsOf(
    "the and but for with from are was were been being have has had does did will would could should may might must can need this that these those its which what uma umas uns dos das nos nas pelo pela pelos pelas para com sem por que qual quais seu sua seus suas ele ela eles elas isso este esta esse essa foi sao ser ter tem mas ate mais",
  ),
);

/** Which word lists speak of a domain, and words of its own. */
const DOMAIN_WORDS: Record<DomainFamily, { families: readonly WordFamily[]; own: string }> = {
  security: {
    families: ["security"],
    own: "login access acesso role papel session sessions sessao sessoes privileged privilegiadas validate validar",
  },
  performance: {
    families: ["performance"],
    own: "listing listagem import importacao archived search busca gateway sensor sensors sensores public publico results resultados",
  },
  feature: {
    families: ["business"],
    own: "page pagina view visao screen tela profile perfil settings preferencias notification notificacao calendar calendario bookings reservas export exportacao reports relatorios people pessoas seat assento spreadsheets planilhas",
  },
  bugfix: {
    families: ["testing"],
    own: "wrong errado error erro crash falha duplicate duplicadas entries entradas empty vazio total summary resumo zone fuso reminder lembretes messages attachment anexo list lista fix corrigir",
  },
  technical: {
    families: ["architecture", "data"],
    own: "parser parses interpreta files arquivos uploaded enviados scheduler agendador workers executores event eventos messages mensagens renders desenha documents documentos",
  },
  business: {
    families: ["business"],
    own: "discount desconto rules regras loyalty fidelidade approval aprovacao refunds reembolsos monthly mensal closing fechamento accounts contas partner parceiros eligibility elegibilidade subscription assinatura programme programa",
  },
  infrastructure: {
    families: ["operations"],
    own: "network rede routes rotas regions regioes disk disco memory memoria batch lotes images imagens staging ambiente server servidor",
  },
  architecture: { families: ["architecture"], own: "coupling acoplamento boundary fronteira event eventos messages mensagens" },
  quality: { families: ["testing"], own: "error erro log logs doc docs lint review revisao wrong errado duplicate duplicadas" },
};

const words = (list: string): Set<string> => new Set(list.split(" "));
const SPOKEN_OF = new Map<DomainFamily, Set<string>>(
  (Object.keys(DOMAIN_WORDS) as DomainFamily[]).map((domain) => {
    const { families, own } = DOMAIN_WORDS[domain];
    return [domain, new Set([...words(own), ...families.flatMap((family) => [...words(WORD_FAMILIES[family])])])];
  }),
);
const SECURITY_WORDS = words(`${WORD_FAMILIES.security} vault cofre role papel privileged privilegiadas`);
const QOS_WORDS = words(WORD_FAMILIES.delivery);

/** Scores the words of one description by the five parts. A part that the context does not ask for is 1; an unknown domain counts 0.5. */
export function scoreDescription(spoken: readonly string[], context: DescriptionContext): DescriptionScore {
  const distinct = new Set(spoken);
  const hits = (list: ReadonlySet<string>): number => {
    let found = 0;
    for (const word of distinct) if (list.has(word)) found++;
    return found;
  };
  const family = context.domain === null ? undefined : domainFamily(context.domain);
  const domainWords = family && SPOKEN_OF.get(family);
  const parts: ScoreParts = {
    length: lengthPart(spoken.length),
    diversity: diversityPart(spoken),
    domain: domainWords ? step(hits(domainWords), [0, 0.5, 0.8, 1]) : 0.5,
    security: isSensitive(context.securityLevel) ? step(hits(SECURITY_WORDS), [0.2, 0.6, 1]) : 1,
    qos: context.qos === null ? 1 : step(hits(QOS_WORDS), [0.5, 1]),
  };
  return { score: SCORE_PARTS.reduce((sum, part) => sum + SCORE_WEIGHTS[part] * parts[part], 0), parts };
}

/** The mean over a plan's tasks, of the score and of each part. */
export function scoreDescriptions(plan: Plan, texts: readonly (readonly string[])[] = textsOf(plan)): DescriptionScore {
  const qos = plan.metadata.qos ?? plan.extra.qos;
  const context: DescriptionContext = {
    domain: plan.original_domain,
    securityLevel: plan.original_security_level,
    qos: typeof qos === "string" && qos !== "" ? qos : null,
  };
  const scores = texts.map((spoken) => scoreDescription(spoken, context));
  const mean = (value: (score: DescriptionScore) => number) =>
    scores.reduce((sum, score) => sum + value(score), 0) / scores.length;
  const parts = Object.fromEntries(SCORE_PARTS.map((part) => [part, mean((score) => score.parts[part])])) as ScoreParts; // one for each part
  return { score: mean((score) => score.score), parts };
}

function lengthPart(count: number): number {
  if (count < 10) return 0;
  if (count < 15) return (0.5 * count) / 15;
  return count <= 50 ? 1 : 0.7;
}

/** Distinct among meaningful words, over 0.7, at most 1; 0 where no word means anything. */
function diversityPart(spoken: readonly string[]): number {
  let meaningful = 0;
  const distinct = new Set<string>();
  for (const word of spoken)
    if (word.length > 2 && !STOP_WORDS.has(word)) {
      meaningful++;
      distinct.add(word);
    }
  return meaningful === 0 ? 0 : Math.min(1, distinct.size / meaningful / 0.7);
}

const step = (hits: number, scores: readonly number[]): number => scores[Math.min(hits, scores.length - 1)] ?? 0;

const isSensitive = (level: string | null): boolean => ["confidential", "restricted"].includes(level?.trim().toLowerCase() ?? "");
