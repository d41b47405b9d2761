import { z } from "zod";
import { leavePlansToReview, runHiveExample } from "../../loop/example/hive.ts";
import { showRuns } from "../../loop/present.ts";
import { readStatus } from "../../loop/status.ts";
import { defineCommand } from "../command.ts";
import { serveUntilStopped, servingText } from "../serve.ts";
import { renderHive, stepLines } from "./example.ts";
import { status } from "./status.ts";

const SEED = 7;

export const start = defineCommand({
  name: "start",
  summary: "Run the hive example, show its verdicts and the status table, then serve: what `npm start` does.",
  details: "Everything is kept in the data folder: a second start continues and doubles nothing.",
  arguments: {},
  options: {
    host: { summary: "address to listen on", value: "<address>", type: z.string().optional(), config: "server.host" },
    port: { summary: "port; 0 takes a free one", value: "<port>", type: z.string().optional(), config: "server.port" },
  },
  examples: [{ line: "npm start", does: "the same, after installing what is missing" }],
  changes: false,
  async run(_values, context): Promise<undefined> {
    const { terminal, progress, signal } = context;
    const house = await context.openHouse();
    const lines = stepLines(progress);
    const result = await runHiveExample(house, {
      seed: SEED,
      feedback: "simulated",
      signal,
      onEvent: lines.event,
      onStage: lines.stage,
    });
    await leavePlansToReview(house, SEED);
    const runs = await showRuns(house, result.runs);
    for (const run of runs) lines.end(run.specialist, run.verdict?.decision ?? run.state);
    progress.close();
    if (!context.json) {
      terminal.write(
        `\n${renderHive({ example: "hive", feedback: result.feedback, feedback_total: result.feedback_total, runs }, terminal.width)}\n`,
      );
      terminal.write(`${status.render(await readStatus(house), terminal)}\n`);
    }
    await serveUntilStopped(context, (serving) => {
      const { url, token_file } = serving;
      if (context.json) terminal.write(JSON.stringify({ url, token_file }));
      else
        terminal.write(
          `${servingText(serving)}\nPlans wait for your review at ${serving.url}/review (sign in with the token).\nTry in another terminal: npx requeen status. Stop with Ctrl-C.`,
        );
    });
    return undefined;
  },
  render: () => "",
});
