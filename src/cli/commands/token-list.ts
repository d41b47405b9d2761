import { type ShownList, showList } from "../../loop/present.ts";
import { type ShownToken, showToken } from "../../loop/tokens.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS } from "../page-options.ts";
import { minuteOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";

export const tokenList = defineCommand({
  name: "token list",
  summary: "List the API keys, newest first; never their secrets.",
  arguments: {},
  options: PAGE_OPTIONS,
  examples: [{ line: "requeen token list", does: "who has a key, what it may do, when it was last used" }],
  changes: false,
  run: async (page, { openHouse }): Promise<ShownList<"tokens", ShownToken>> => {
    const { store, now } = await openHouse();
    const { items, next } = await store.listTokens(page);
    return showList(
      "tokens",
      items.map((token) => showToken(token, now())),
      next,
    );
  },
  render: ({ tokens, next }, terminal) =>
    tokens.length === 0
      ? "There are no API keys. `requeen token create --name NAME` makes one."
      : renderTable(
          tokens,
          [
            { title: "ID", text: ({ token_id }) => token_id },
            { title: "NAME", text: ({ name }) => name },
            { title: "STATE", text: ({ state }) => state },
            { title: "ROLES", shrinks: true, text: ({ roles }) => roles.join(", ") },
            { title: "SPECIALISTS", shrinks: true, text: ({ specialists }) => specialists?.join(", ") ?? "all" },
            { title: "TIER", text: ({ tier, vouched_by }) => (vouched_by === null ? tier : `${tier} (${vouched_by})`) },
            { title: "ENDS", text: ({ expires_at }) => (expires_at === null ? "never" : minuteOf(expires_at)) },
            { title: "USED", text: ({ last_used_at }) => (last_used_at === null ? "never" : minuteOf(last_used_at)) },
          ],
          terminal,
        ) + moreLine(next),
});
