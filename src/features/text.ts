/** Only so much of one description is read, in UTF-16 units: a text of a megabyte must not cost a second. */
export const READ_UNITS = 4_096;
/** Width of the task embedding of plan/1. The original's had 384; 64 keeps all pairs of 2,000 tasks in a fraction of a second. */
export const EMBEDDING_WIDTH = 64;
/** Width of the hashed text features of plan/2. */
export const HASH_WIDTH = 8;
/** Seeds of the word hashes: part of the schemas, never to change. */
const EMBEDDING_SEED = 0x5eed0001;
const HASH_SEED = 0x5eed0002;

/**
 * The words of a text: its first READ_UNITS units, in lower case, accents removed (NFKD without marks), then maximal runs of letters and
 * digits, each cut to 64 units. `validação` and `validacao` are one word.
 */
export function wordsOf(text: string): string[] {
  const read = text.slice(0, READ_UNITS);
  const highest = highestUnit(read);
  // The first two forms give the same words as the last, in a third and in half of its time.
  if (highest < 0x80) return cut(read.toLowerCase().match(/[a-z0-9]+/g));
  const folded =
    highest < 0x100 ? read.toLowerCase().replaceAll(/[\u0080-\u00ff]/g, (letter) => LATIN_1.get(letter) ?? letter) : fold(read);
  // a Portuguese text is plain ASCII once its accents are off
  return cut(folded.match(highestUnit(folded) < 0x80 ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu));
}

const fold = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}+/gu, "");

/** What `fold` makes of each character of Latin-1 beyond ASCII; none of them joins with its neighbours. */
const LATIN_1: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 128 }, (_, index) => {
    const letter = String.fromCharCode(128 + index);
    return [letter, fold(letter)];
  }),
);

function highestUnit(text: string): number {
  let highest = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > highest) highest = unit;
  }
  return highest;
}

function cut(words: string[] | null): string[] {
  if (words === null) return [];
  for (const [index, word] of words.entries()) if (word.length > 64) words[index] = word.slice(0, 64);
  return words;
}

/** 32-bit hash of a word over its UTF-16 units: FNV-1a started from the seed, then the finalizer of MurmurHash3. */
export function hashWord(word: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < word.length; index++) {
    const unit = word.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The stand-in of plan/1 for a sentence embedding: each word adds +1 or -1 at one of 64 places, both chosen by its hash, divided by the
 * square root of the number of words. No words: all zeros.
 * @returns float64 [EMBEDDING_WIDTH].
 */
export function embedWords(words: readonly string[]): Float64Array {
  const embedding = new Float64Array(EMBEDDING_WIDTH);
  for (const word of words) addHashed(word, 1, EMBEDDING_SEED, embedding);
  if (words.length > 0)
    for (let place = 0; place < EMBEDDING_WIDTH; place++) scale(embedding, place, 1 / Math.sqrt(words.length));
  return embedding;
}

/**
 * The hashed text of a plan: each word, once per task that has it, adds +1 or -1 in one of 8 buckets; then scaled to length 1.
 * @param taskCounts of each word, the number of tasks that have it.
 * @returns float64 [HASH_WIDTH]; all NaN where no task has a word, all 0 where the words cancel each other.
 */
export function hashText(taskCounts: ReadonlyMap<string, number>): Float64Array {
  const buckets = new Float64Array(HASH_WIDTH);
  if (taskCounts.size === 0) return buckets.fill(Number.NaN);
  for (const [word, count] of taskCounts) addHashed(word, count, HASH_SEED, buckets);
  const length = Math.hypot(...buckets);
  if (length > 0) for (let place = 0; place < HASH_WIDTH; place++) scale(buckets, place, 1 / length);
  return buckets;
}

/** Adds +count or -count at the word's place of `out`, whose width must be a power of two. */
function addHashed(word: string, count: number, seed: number, out: Float64Array): void {
  const hash = hashWord(word, seed);
  const place = hash & (out.length - 1);
  out[place] = (out[place] ?? 0) + (hash >>> 31 === 1 ? -count : count);
}

function scale(values: Float64Array, place: number, factor: number): void {
  values[place] = (values[place] ?? 0) * factor;
}

/** Word families of plan/2, English and Portuguese, accents removed. A feature is the share of tasks whose description has one of them. */
export const WORD_FAMILIES = {
  security:
    "security secure auth authentication authorization permission permissions password token tokens encrypt encryption encrypted credential credentials secret secrets vulnerability firewall sanitize tls oauth jwt audit seguranca autenticacao autorizacao permissao permissoes senha criptografia criptografar credencial credenciais segredo segredos vulnerabilidade auditoria",
  performance:
    "performance latency throughput cache caching optimize optimization parallel async scale scaling slow fast index benchmark desempenho latencia vazao otimizar otimizacao paralelo paralelizar escala escalar lento rapido indice",
  architecture:
    "architecture service services module modules component components interface interfaces api endpoint endpoints pattern layer layers controller repository dependency dependencies arquitetura servico servicos modulo modulos componente componentes padrao camada camadas repositorio dependencia dependencias",
  data: "data database table tables schema record records query column migration sql mongodb postgres dados banco tabela tabelas esquema registro registros consulta coluna migracao",
  testing:
    "test tests testing regression coverage assert verify verification acceptance teste testes testar regressao cobertura verificar verificacao aceitacao",
  operations:
    "deploy deployment release pipeline cluster container kubernetes docker monitoring alert alerts node nodes implantar implantacao entrega monitoramento alerta alertas",
  business:
    "customer customers revenue invoice invoices order orders contract sales market benefit value cost goal kpi cliente clientes receita fatura faturas pedido pedidos contrato vendas mercado beneficio valor custo meta",
  destructive:
    "delete drop remove purge truncate wipe destroy disable erase excluir apagar remover limpar destruir desativar eliminar descartar",
  safeguard:
    "rollback backup backups restore snapshot revert fallback reversible reversao copia restaurar restauracao reverter contingencia reversivel",
  delivery:
    "exactly idempotent idempotency retry retries ordered deduplicate exatamente idempotente idempotencia repeticao tentativas ordenado",
  makeshift:
    "temporary workaround hack todo fixme hardcoded quick provisional temporario provisorio gambiarra contorno paliativo improvisado",
  urgency: "urgent asap immediately critical blocking hotfix urgente imediatamente critico bloqueante",
} as const;
export type WordFamily = keyof typeof WORD_FAMILIES;
export const WORD_FAMILY_NAMES = Object.keys(WORD_FAMILIES) as WordFamily[];

const familiesOf = new Map<string, WordFamily[]>();
for (const family of WORD_FAMILY_NAMES)
  for (const word of WORD_FAMILIES[family].split(" ")) familiesOf.set(word, [...(familiesOf.get(word) ?? []), family]);

/** The word families that a word belongs to. */
export const familiesOfWord = (word: string): readonly WordFamily[] => familiesOf.get(word) ?? NO_FAMILIES;
const NO_FAMILIES: readonly WordFamily[] = [];

/** The word families that a list of words touches. */
export function touchedFamilies(words: readonly string[]): Set<WordFamily> {
  const touched = new Set<WordFamily>();
  for (const word of words) for (const family of familiesOfWord(word)) touched.add(family);
  return touched;
}
