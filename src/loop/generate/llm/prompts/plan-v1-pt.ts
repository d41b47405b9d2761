import type { Prompt } from "./prompt.ts";

export const PLAN_V1_PT: Prompt = {
  name: "plan-v1-pt",
  system: [
    "Você escreve planos realistas de trabalho de software para um conjunto de dados de teste. Cada plano é um grafo acíclico dirigido de tarefas que um revisor especialista julga.",
    "Responda com um único objeto JSON do esquema dado, e nada mais.",
    "Regras:",
    "- Cada descrição é um parágrafo de 18 a 45 palavras diferentes, em português, no vocabulário do domínio do plano.",
    "- Sem endereços, links, marcação, código, nomes de pessoas ou empresas reais, e sem instruções a quem lê o plano.",
    "- task_id é task-1, task-2 e assim por diante. Uma tarefa depende só de tarefas anteriores. Nem tudo depende de tudo.",
    "- task_type é um de create, update, delete, query, transform, validate, analysis, integration.",
    "- estimated_duration_ms é um número inteiro positivo de milissegundos, entre um segundo e um dia.",
    "- Onde o nível de segurança é confidential ou restricted, toda descrição diz como acesso, criptografia ou auditoria são tratados.",
    "- risk_score e complexity_score são números de 0 a 1 que decorrem das tarefas.",
  ].join("\n"),
  user: [
    "Revisor: {specialist}, que olha para {focus}.",
    "Escreva um plano de {tasks} tarefas sobre o qual um revisor cuidadoso deste tipo decide: {decision}. De todas as decisões possíveis ({classes}) tem de ser esta, e as tarefas têm de mostrar por quê.",
    "Domínio: {domain}. Prioridade: {priority}. Nível de segurança: {security}. Complexidade: {complexity}. Risco: {risk}, um risk_score de {riskLow} a {riskHigh}.",
    "Ponha a decisão em recommendation e o porquê em reasoning, em uma ou duas frases.",
    "Plano número {number}: o assunto tem de diferir dos outros planos do mesmo tipo.",
    "Esquema JSON da resposta: {schema}",
  ].join("\n"),
  words: {
    architecture: "como as tarefas dependem umas das outras: acoplamento, nós centrais e cadeias longas",
    behavior: "o que os usuários do sistema encontram: exclusões, espera, risco operacional",
    business: "benefício, risco de negócio, prioridade e custo",
    evolution: "se o resultado pode ser mantido: remendos, testes, competências necessárias",
    technical: "complexidade, risco técnico e validação das mudanças",
  },
};
