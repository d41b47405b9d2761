import { z } from "zod";
import { defineCommand } from "../command.ts";
import { serveUntilStopped, servingText } from "../serve.ts";

export const serve = defineCommand({
  name: "serve",
  summary: "Serve the API and the embedded MLflow server, resume runs, and retrain what is ready.",
  details:
    "Listens on the loopback address unless told otherwise. Every minute it goes on with runs that a crash left and starts a run for each " +
    "specialist whose trigger is READY. SIGTERM or Ctrl-C ends it: requests under way are answered, a run stays resumable.",
  arguments: {},
  options: {
    host: { summary: "address to listen on", value: "<address>", type: z.string().optional(), config: "server.host" },
    port: { summary: "port; 0 takes a free one", value: "<port>", type: z.string().optional(), config: "server.port" },
  },
  examples: [
    { line: "requeen serve", does: "listens on 127.0.0.1:8080 and says where the token lies" },
    { line: "requeen serve --port 0 --json", does: "takes a free port and prints address and token file as JSON" },
  ],
  changes: false,
  async run(_values, context): Promise<undefined> {
    await serveUntilStopped(context, (serving) => {
      const { url, token_file } = serving;
      if (context.json) context.terminal.write(JSON.stringify({ url, token_file }));
      else context.terminal.write(`${servingText(serving)}\nStop with Ctrl-C.`);
    });
    return undefined;
  },
  render: () => "",
});
