import type { SeededRandom } from "../../engine/seeded-random.ts";
import type { TaskFamily } from "../../features/index.ts";
import { DOMAINS, type Domain, type Language, pickFrom, type SecurityLevel } from "./profile.ts";

type Phrases = Readonly<Record<Language, readonly string[]>>;

/**
 * The words of simulated tasks. What a profile settles (benefits, tests, makeshifts) is said only by the phrases of that name: no verb,
 * object or detail may use a word of those families, or the shares would not come out as settled.
 */
export const VERBS: Readonly<Record<TaskFamily, Phrases>> = {
  create: { en: ["Create", "Add", "Build", "Introduce"], pt: ["Criar", "Adicionar", "Construir", "Introduzir"] },
  update: { en: ["Update", "Change", "Extend", "Adjust"], pt: ["Atualizar", "Alterar", "Estender", "Ajustar"] },
  delete: { en: ["Delete", "Remove", "Purge", "Drop"], pt: ["Excluir", "Remover", "Apagar", "Eliminar"] },
  query: { en: ["Read", "Collect", "List", "Look up"], pt: ["Ler", "Coletar", "Listar", "Consultar"] },
  transform: { en: ["Convert", "Normalise", "Migrate", "Reshape"], pt: ["Converter", "Normalizar", "Migrar", "Remodelar"] },
  validate: { en: ["Validate", "Check", "Confirm", "Inspect"], pt: ["Validar", "Conferir", "Confirmar", "Inspecionar"] },
  analysis: { en: ["Analyse", "Study", "Profile", "Map"], pt: ["Analisar", "Estudar", "Examinar", "Mapear"] },
  integration: { en: ["Connect", "Integrate", "Wire", "Link"], pt: ["Conectar", "Integrar", "Interligar", "Vincular"] },
};

export const OBJECTS: Readonly<Record<Domain, Phrases>> = {
  SECURITY: {
    en: [
      "the login tokens of the partner portal",
      "the access permissions of the support team",
      "the encryption of stored credentials",
      "the audit trail of privileged sessions",
    ],
    pt: [
      "os tokens de acesso do portal de parceiros",
      "as permissões da equipe de suporte",
      "a criptografia das credenciais guardadas",
      "a auditoria das sessões privilegiadas",
    ],
  },
  PERFORMANCE: {
    en: [
      "the cache in front of the search results",
      "the slow listing of archived files",
      "the parallel import of sensor readings",
      "the latency budget of the public gateway",
    ],
    pt: [
      "o cache diante dos resultados da busca",
      "a listagem lenta de arquivos antigos",
      "a importação paralela das leituras dos sensores",
      "a latência do gateway público",
    ],
  },
  FEATURE: {
    en: [
      "the page where people pick a seat",
      "the notification settings of a profile",
      "the calendar view of bookings",
      "the export of reports as spreadsheets",
    ],
    pt: [
      "a página em que as pessoas escolhem o assento",
      "as preferências de notificação do perfil",
      "a visão de calendário das reservas",
      "a exportação de relatórios em planilhas",
    ],
  },
  BUGFIX: {
    en: [
      "the wrong total on the summary screen",
      "the time zone of reminder messages",
      "the crash when an attachment is empty",
      "the duplicate entries in the mailing list",
    ],
    pt: [
      "o total errado na tela de resumo",
      "o fuso horário dos lembretes",
      "a falha quando um anexo está vazio",
      "as entradas duplicadas na lista de envio",
    ],
  },
  TECHNICAL: {
    en: [
      "the module that parses uploaded files",
      "the interface between scheduler and workers",
      "the schema of the event messages",
      "the component that renders documents",
    ],
    pt: [
      "o módulo que interpreta os arquivos enviados",
      "a interface entre agendador e executores",
      "o esquema das mensagens de eventos",
      "o componente que desenha os documentos",
    ],
  },
  BUSINESS: {
    en: [
      "the discount rules of the loyalty programme",
      "the approval path of refunds",
      "the monthly closing of the partner accounts",
      "the eligibility rules of a subscription",
    ],
    pt: [
      "as regras de desconto do programa de fidelidade",
      "o caminho de aprovação dos reembolsos",
      "o fechamento mensal das contas de parceiros",
      "as regras de elegibilidade da assinatura",
    ],
  },
  INFRASTRUCTURE: {
    en: [
      "the container images of the batch cluster",
      "the monitoring of disk and memory",
      "the network routes between two regions",
      "the deployment pipeline of the staging area",
    ],
    pt: [
      "as imagens de container do cluster de lotes",
      "o monitoramento de disco e memória",
      "as rotas de rede entre duas regiões",
      "a implantação no ambiente intermediário",
    ],
  },
};

export const DETAILS: Phrases = {
  en: [
    "and record every step with the time at which it ran",
    "for the two regions that were named in the request",
    "without changing what other teams read from it",
    "and tell the owning team as soon as it is done",
    "with limits that an operator can raise or lower later",
    "in small batches, so that a failed one can be run again",
    "and disable the old way once the new one holds",
  ],
  pt: [
    "e registrar cada passo com a hora em que foi executado",
    "para as duas regiões citadas na solicitação",
    "sem mudar o que outras equipes leem dele",
    "e avisar a equipe responsável assim que terminar",
    "com limites que um operador possa ajustar mais tarde",
    "em lotes pequenos, para que um que falhe possa rodar de novo",
    "e desativar o caminho antigo quando o novo se firmar",
  ],
};

/** Said of plans that handle confidential or restricted data. */
const CARE: Phrases = {
  en: ["with credentials kept in the vault", "with encryption at rest and in transit", "under the permissions of a named role"],
  pt: [
    "com credenciais guardadas no cofre",
    "com criptografia em repouso e em trânsito",
    "sob as permissões de um papel nomeado",
  ],
};

export const BENEFITS: Phrases = {
  en: [
    "so that customers wait less for their orders",
    "which lowers the cost of each contract",
    "to protect the revenue of the quarter",
  ],
  pt: [
    "para que os clientes esperem menos pelos pedidos",
    "o que reduz o custo de cada contrato",
    "para proteger a receita do trimestre",
  ],
};

export const TESTS: Phrases = {
  en: ["with regression tests for each rule", "and acceptance tests beside it", "and raise the test coverage of this part"],
  pt: [
    "com testes de regressão para cada regra",
    "e testes de aceitação ao lado",
    "e aumentar a cobertura de testes desta parte",
  ],
};

export const MAKESHIFTS: Phrases = {
  en: ["as a temporary workaround until the new version", "with a hardcoded limit for now (TODO)", "by a provisional script"],
  pt: ["como contorno temporário até a nova versão", "com um limite provisório no código (TODO)", "por um script improvisado"],
};

const QUALITY: Phrases = {
  en: ["Each message is handled exactly once.", "A retry must be idempotent."],
  pt: ["Cada mensagem é tratada exatamente uma vez.", "Uma repetição deve ser idempotente."],
};

/** Said where somebody thought of the way back. */
const SAFEGUARDS: Phrases = {
  en: ["after a backup of what it touches", "with a rollback that one command starts"],
  pt: ["depois de um backup do que ela toca", "com um rollback que um comando inicia"],
};

const URGENCY: Phrases = { en: ["Urgent: this is blocking others."], pt: ["Urgente: isto é bloqueante para outros."] };

export interface TaskTale {
  readonly family: TaskFamily;
  readonly domain: Domain;
  readonly language: Language;
  readonly securityLevel: SecurityLevel;
  readonly urgent: boolean;
  readonly benefit: boolean;
  readonly test: boolean;
  readonly makeshift: boolean;
}

/** One task's description, 12 to 60 words, in the plan's language. */
export function describeTask(random: SeededRandom, tale: TaskTale): string {
  const say = (phrases: Phrases) => pickFrom(random, phrases[tale.language]);
  const careful = tale.securityLevel === "confidential" || tale.securityLevel === "restricted";
  // A fifth of the tasks works on a neighbour's ground.
  const ground = random.next() < 0.2 ? pickFrom(random, DOMAINS) : tale.domain;
  const parts = [say(VERBS[tale.family]), say(OBJECTS[ground]), say(DETAILS)];
  if (careful && random.next() < 0.6) parts.push(say(CARE));
  if (tale.family === "delete" ? random.next() < 0.5 : random.next() < 0.08) parts.push(say(SAFEGUARDS));
  if (tale.makeshift) parts.push(say(MAKESHIFTS));
  if (tale.test) parts.push(say(TESTS));
  if (tale.benefit) parts.push(say(BENEFITS));
  const sentences = [`${parts.join(" ")}.`];
  if (random.next() < 0.3) sentences.push(say(QUALITY));
  if (tale.urgent && random.next() < 0.4) sentences.push(say(URGENCY));
  return sentences.join(" ");
}

const CAPABILITIES = [
  "nodejs",
  "python",
  "sql",
  "kubernetes",
  "security-review",
  "messaging",
  "frontend",
  "networking",
  "data-modelling",
  "observability",
  "billing",
  "accessibility",
];

/** The capabilities that a plan draws from: the domain's own place first, then its neighbours. */
export const capabilityPool = (random: SeededRandom, count: number): string[] =>
  random.shuffle([...CAPABILITIES]).slice(0, count);
