import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import { readPullProgress } from "./pull_progress.ts";

const { signal } = new AbortController();

Deno.test("readPullProgress() tells the latest words, and ends with the pull", async () => {
  const told: string[] = [];
  const more = Promise.withResolvers<void>();
  const progress = readPullProgress(async ({ onProgress }) => {
    onProgress("1 of 3");
    onProgress("2 of 3");
    await more.promise;
    onProgress("3 of 3");
    await new Promise((resolve) => setTimeout(resolve));
  }, signal);
  for await (const text of progress) {
    told.push(text);
    more.resolve();
  }
  assert.deepEqual(told, ["2 of 3", "3 of 3"]);
});

Deno.test("readPullProgress() fails as the pull does", async () => {
  const gone = new RuneError("not_found", "there is no such image");
  await assert.rejects(Array.fromAsync(readPullProgress(() => Promise.reject(gone), signal)), gone);
  await assert.rejects(
    Array.fromAsync(readPullProgress(async ({ onProgress }) => {
      onProgress("1 of 3");
      await Promise.resolve();
      throw gone;
    }, signal)),
    gone,
  );
});

Deno.test("readPullProgress() ends the pull of which nobody wants to hear any more", async () => {
  let ended = false;
  const progress = readPullProgress(async ({ onProgress, signal }) => {
    onProgress("1 of 3");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
  }, signal);
  for await (const _ of progress) break;
  assert.equal(ended, true);
});
