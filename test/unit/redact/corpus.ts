import type { PiiKind } from "../../../src/loop/redact/span.ts";

/**
 * Notes and plan texts as people write them, in Portuguese and English, with the personal data that stands in them marked by hand:
 * `{kind|text}`. The numbers are published examples and test numbers, none is anybody's. What nobody finds by rules (words for signs, numbers
 * without area code or a word that says telephone) is in here too, so that the figures are honest.
 */
const POSITIVE_PT = `
Falar com {email|joao.silva@empresa.com.br} antes de aprovar.
O cliente {email|maria_souza+nfe@provedor.net} pediu a exclusão dos dados.
Enviar para {email|MARIA@EXEMPLO.COM.BR}, cópia para {email|fin@exemplo.com}.
e-mail do responsável: {email|andré@construção.com.br}.
Contato ({email|suporte.n2@sub.dominio.gov.br})
Responder a {email|a@b.pt}; o outro está de férias
CPF {cpf|529.982.247–25} com traço de editor de texto
Chamar {phone|+55 11 98765‑4321} colado de uma página
Me liga no {phone|912 345 678} depois das 18h
endereço {email|joao＠exemplo.com.br} com arroba largo
Ligar para {phone|(11) 98765-4321}, não: {phone|(11) 91234-5678}
Ligar no {phone|(21) 3456-7890} em horário comercial
celular {phone|11 98888-7777}, fixo {phone|(31) 3222-1100}
Telefone {phone|+55 11 91234-5678} do gerente
zap {phone|11987654321}
WhatsApp: {phone|+5521987654321}
O plantonista atende em {phone|+55 (41) 99999-0000}.
tel: {phone|(85)98765-1234}
O fornecedor ({phone|(061) 3333-4444}) não respondeu
telefone {phone|3456-7890} ramal 12
Telemóvel {phone|912 345 678}, Lisboa
Ligue {phone|+351 912 345 678}
CPF {cpf|529.982.247-25} aparece no log
o cpf do titular é {cpf|11144477735}
Titular: {cpf|123.456.789-09}, e-mail {email|titular@banco.com.br}
CPF {cpf|935 411 347 80} sem máscara
dois titulares: {cpf|390.533.447-05} e {cpf|529982247-25}
CNPJ {cnpj|11.222.333/0001-81}
Fornecedor {cnpj|11444777000161} bloqueado
Nota emitida por {cnpj|33.000.167/0001-01} em 2025
CNPJ novo: {cnpj|12.ABC.345/01DE-35}
cadastro {cnpj|12ABC34501DE35} com letras
Cartão {card|4111 1111 1111 1111} recusado
Pagamento com {card|5555555555554444} duplicado
o cartão {card|5105-1051-0510-5100} expirou
Amex {card|378282246310005}
IBAN {iban|PT50 0002 0123 1234 5678 9015 4}
transferir para {iban|BR18 0036 0305 0000 1000 9795 493C 1}
conta {iban|PT50000201231234567890154}
O acesso veio de {ip|200.147.3.157} às 03:12
IP {ip|10.0.12.7} do servidor antigo
origem {ip|2804:14c:65:8a1::12}
acesso por {ip|fe80::1ff:fe23:4567:890a} na rede interna
o host {ip|192.168.0.15}:8080 não responde
usuário {email|carlos@x.io} do IP {ip|187.45.12.9} com CPF {cpf|111.444.777-35}
{email|primeiro@linha.com}
Escrever para {email|joao arroba empresa ponto com} 
meu número é {phone|98765-4321}
`;

const POSITIVE_EN = `
Ask {email|john.doe@example.com} before approving.
Reviewed with {email|o'brien@example.ie} yesterday
Mail {email|x_y-z%1@mail.example.co.uk}.
cc: {email|ops+alerts@example.org}, {email|cto@example.org}
<{email|bounce@example.net}>
the ticket of "{email|müller@beispiel.de}" is open
Call me at {phone|(415) 555-2671}
phone {phone|415-555-2671} ext. 4
Reach her on {phone|+1 415 555 2671}
{phone|+1-212-555-0187} is the on-call number
fax {phone|212.555.0188}
mobile: {phone|07700 900123}
The London office is {phone|020 7946 0958}
my number is {phone|555 0123}
the card {card|4111 1111 1111 1111} was pasted
ring {phone|+44 20 7946 0958} after six
Tel. {phone|+49 30 901820}
phone {phone|555-0123}
IBAN {iban|DE89 3704 0044 0532 0130 00}
pay to {iban|GB29 NWBK 6016 1331 9268 19} today
{iban|FR1420041010050500013M02606} was rejected
his account {iban|NL91ABNA0417164300}.
card {card|4012888888881881}
declined: {card|3782-822463-10005}
{card|6011 1111 1111 1117} is on file
JCB {card|3530111333300000}
Diners {card|3056 9309 0259 04}
Traffic from {ip|203.0.113.77} looks automated
block {ip|198.51.100.23}, then retry
peer {ip|2001:db8:85a3::8a2e:370:7334} timed out
address {ip|2001:0db8:0000:0000:0000:ff00:0042:8329}
client={ip|172.16.254.1} user={email|jane@example.com}
CPF {cpf|529.982.247-25} of the Brazilian holder
vendor {cnpj|00.000.000/0001-91}
write to {email|jane (at) example (dot) com}
my extension is {phone|5550134}
`;

const NEGATIVE_PT = `
O plano tem 12 tarefas e dura 3.600.000 ms.
Migrar 1.234.567 linhas da tabela de pedidos
Versão 1.2.3.4 do serviço
build 10.4.2.1 em homologação
Chamado 2024-0012345 encerrado em 12/03/2026
Ticket 11122233344 sem dígito válido
CPF 111.111.111-11 é inválido
cpf 123.456.789-00 não fecha
CNPJ 11.222.333/0001-80 inválido
Pedido 4111111111111112 não passa no Luhn
commit 3f9a2c1b4d5e6f708192a3b4c5d6e7f809102132
trace 4bf92f3577b34da6a3ce929d0e0e4736
o usuário @joao foi citado
instalar @nestjs/core@10.3.1
clonar git@github.com:time/servico.git
Escalar de 2 para 10 réplicas entre 08:00 e 18:30
Orçamento de R$ 12.345,67 e depois R$ 1.234.567,89
cópia de 20260121163216 restaurada
arquivo backup 20240125083204 ausente
liga o servidor 10234567 antes
vigência 2020–2024
prazo 2026-03-12T10:15:30Z
latência de 99.95 ms no p99
porta 127.0.0.1:8080 local
bind em 0.0.0.0
Janela de 2020-2024 analisada
faixa 1000-2000 reservada
ISBN 978-85-333-0227-3
CEP 01310-100, São Paulo
protocolo 20260312 0001 4455
Aumentar timeout para 30000 e retry 5
kafka topic pedidos-v2 partição 12
coordenadas -23.5505, -46.6333
std::vector e a::b no código
horário 12:30:45
UUID 550e8400-e29b-41d4-a716-446655440000
número do processo 0001234-56.2025.8.26.0100
placa ABC1D23
SKU 7891234567895
índice 0,123456789
telefonia 4G em 100 cidades
hotel 1234567 reservado
matrícula 00123456
redis@6379 no cluster
serviço api@pagamentos.svc responde
soma 12345678901234567890
lote 55 1234 5678
versão 8.0.36-0.20
`;

const NEGATIVE_EN = `
Deploy 3 replicas with 512 MiB each
The plan touches 2,345,678 rows
version 10.0.19.1 of the driver
release 4.2.0.1 is out
Order 1234567890 was shipped
id 123e4567-e89b-12d3-a456-426614174000
sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
dump 20230513002816 of the orders
window 10:00–11:30, 2019–2024
epoch 1767600000000 ms
epoch 1767600000 s
range 200-300 requests
budget $1,234,567.89 for 2026
ratio 0.4155552671
retry after 120000 ms
ipv4 mask 255.255.255.255
loopback ::1 and 127.0.0.1
C++ namespace face::bad
pip install package@1.2.3
npm i @types/node@24.1.0
ssh deploy@build-host
Section 4.1.2.3.5 of the document
latitude 51.5074, longitude 0.1278
part number 4000-1234-99
GB29 NWBK 6016 1331 9268 18 has a wrong check digit
DE00 3704 0044 0532 0130 00
card 1234 5678 9012 3456
4111 1111 1111 1113
serial 5200828282828211
meeting at 10:30-11:45
run 20260312-0001
pages 415-555
calls 10000000 endpoints a day
phonetic index 12 of 20
zip 94107-1234
error code 0x80070057
about 2000000 of 5000000
MAC 00:1A:2B:3C:4D:5E
quota 100000000 bytes
build 2026.03.12.4
score 0.97 +/- 0.01
temperature +25.5
ID +10000000 units
task-12-34567 depends on task-12-34566
1 000 000 rows
`;

export interface Sample {
  readonly language: "pt" | "en";
  readonly text: string;
  /** What stands in it: kind and words. */
  readonly marked: readonly { readonly kind: PiiKind; readonly words: string }[];
}

const MARK = /\{(\w+)\|([^}]*)\}/g;

const read = (language: Sample["language"], lines: string): Sample[] =>
  lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({
      language,
      text: line.replace(MARK, "$2"),
      marked: Array.from(line.matchAll(MARK), ([, kind, words = ""]) => ({ kind: kind as PiiKind, words })),
    }));

export const CORPUS: readonly Sample[] = [
  ...read("pt", POSITIVE_PT),
  ...read("en", POSITIVE_EN),
  ...read("pt", NEGATIVE_PT),
  ...read("en", NEGATIVE_EN),
];
