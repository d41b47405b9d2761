import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { goodAnswer, type ModelServer, openModelServer, sendChat } from "./support/model-server.ts";

/** kill -9 in the middle of paid answers, again and again: each answer that the process saw is paid once. */
const COUNT = 30;
/** One question is under way at a time: a kill may lose the answer to that one, and no other. */
const KILL_AT = [4, 11, 19];
let folder = "";
let server: ModelServer;

afterEach(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

test("a set that was killed three times is whole at the end, and no answer that came through was paid again", async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-generate-kill-"));
  let child: ReturnType<typeof start> | null = null;
  const kills = new Set(KILL_AT);
  server = await openModelServer((response, body, turn) => {
    // the answer to this question never leaves: the process dies while it waits
    if (kills.delete(turn)) child?.kill("SIGKILL");
    else sendChat(response, JSON.stringify(goodAnswer(body)));
  });
  const start = () =>
    spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        join(import.meta.dirname, "support/generate-and-die.ts"),
        join(folder, "data"),
        join(folder, "set.parquet"),
        server.url,
        String(COUNT),
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
  const ends: (NodeJS.Signals | number | null)[] = [];
  let printed = "";
  for (let process = 0; process <= KILL_AT.length; process++) {
    child = start();
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
      child?.on("close", (code, signal) => resolve(signal ?? code)),
    );
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    ends.push(await ended);
    if (ends.at(-1) !== "SIGKILL") expect(errors).toBe("");
    printed = output;
  }
  expect(ends).toEqual(["SIGKILL", "SIGKILL", "SIGKILL", 0]);
  expect(JSON.parse(printed)).toMatchObject({ card: { made: COUNT, shortfall: null }, kept: { added: COUNT, same: 0 } });
  expect(server.asked).toHaveLength(COUNT + KILL_AT.length);
  const questions = server.asked.map(({ messages }) => messages.at(-1)?.content);
  expect(new Set(questions).size).toBe(COUNT);
});
