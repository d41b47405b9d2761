import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFileBlobs } from "../../../src/store/index.ts";

const aFolder = (): string => mkdtempSync(join(tmpdir(), "requeen-blobs-"));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const failsWith = (code: string) => expect.objectContaining({ code });

test("bytes come back under their SHA-256, and putting them again changes nothing", async () => {
  const folder = aFolder();
  const blobs = await openFileBlobs(folder);
  expect(await blobs.put(bytesOf("honey"))).toEqual({ sha256: digest("honey"), sizeBytes: 5 });
  expect(await blobs.put(bytesOf("honey"))).toEqual({ sha256: digest("honey"), sizeBytes: 5 });
  expect(await blobs.get(digest("honey"))).toEqual(bytesOf("honey"));
  expect([await blobs.has(digest("honey")), await blobs.has(digest("wax"))]).toEqual([true, false]);
  expect(readFileSync(await blobs.path(digest("honey")), "utf8")).toBe("honey");
  expect(readdirSync(join(folder, "unfinished"))).toEqual([]);
  const again = await openFileBlobs(folder);
  expect(await again.get(digest("honey"))).toEqual(bytesOf("honey"));
});

test("a finished temporary file is taken over and is gone from where it was", async () => {
  const blobs = await openFileBlobs(aFolder());
  const [first, second] = [await blobs.temporaryPath(), await blobs.temporaryPath()];
  for (const path of [first, second]) {
    writeFileSync(path, "wax");
    expect(await blobs.adopt(path)).toEqual({ sha256: digest("wax"), sizeBytes: 3 });
    expect(existsSync(path)).toBe(false);
  }
  expect(await blobs.get(digest("wax"))).toEqual(bytesOf("wax"));
});

test("the empty blob is a blob", async () => {
  const blobs = await openFileBlobs(aFolder());
  const { sha256 } = await blobs.put(new Uint8Array(0));
  expect(await blobs.get(sha256)).toEqual(new Uint8Array(0));
});

test("changed content is digest_mismatch, absent content not_found, a bad name bad_parameter", async () => {
  const folder = aFolder();
  const { sha256 } = await (await openFileBlobs(folder)).put(bytesOf("honey"));
  writeFileSync(join(folder, sha256.slice(0, 2), sha256), "hone!");
  const blobs = await openFileBlobs(folder);
  await expect(blobs.get(sha256)).rejects.toEqual(failsWith("digest_mismatch"));
  await expect(blobs.path(sha256)).rejects.toEqual(failsWith("digest_mismatch"));
  await expect(blobs.get(digest("wax"))).rejects.toEqual(failsWith("not_found"));
  await expect(blobs.path(digest("wax"))).rejects.toEqual(failsWith("not_found"));
  await expect(blobs.get("../../etc/passwd")).rejects.toEqual(failsWith("bad_parameter"));
});

test("many writers of one content at once leave one whole file", async () => {
  const folder = aFolder();
  const blobs = await openFileBlobs(folder);
  const content = "x".repeat(300_000);
  await Promise.all(Array.from({ length: 12 }, () => blobs.put(bytesOf(content))));
  expect(await blobs.get(digest(content))).toEqual(bytesOf(content));
  expect(readdirSync(join(folder, "unfinished"))).toEqual([]);
});

test("a folder that cannot be made is an error for the caller", async () => {
  const file = join(aFolder(), "a-file");
  writeFileSync(file, "");
  await expect(openFileBlobs(join(file, "blobs"))).rejects.toEqual(failsWith("store_unavailable"));
});
