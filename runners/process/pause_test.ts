import assert from "node:assert/strict";
import { isPaused, pauseRun, resumeRun } from "./pause.ts";
import { sessionMembers } from "./proc.ts";
import { cannotRun } from "./test_room.ts";

const { signal } = new AbortController();

Deno.test({
  name:
    "pauseRun() and resumeRun() without a control group stop every process of a session, also one that forks all the time",
  ignore: cannotRun,
  async fn() {
    const file = await Deno.makeTempFile();
    const script = 'while :; do (echo x >>"$0"; exec sleep 0.001) & wait $!; done';
    const child = new Deno.Command("setsid", { args: ["sh", "-c", script, file], stdin: "null" }).spawn();
    try {
      const size = async () => (await Deno.stat(file)).size;
      while (await size() < 10);
      const members = () => Promise.resolve(sessionMembers(child.pid));
      const tracking = { by: "session" } as const;
      const run = async () => ({ tracking, members: await members() });
      assert.equal(await isPaused({}, await run()), false);
      await pauseRun({}, { name: "1", tracking, members }, signal);
      await pauseRun({}, { name: "1", tracking, members }, signal);
      assert.equal(await isPaused({}, await run()), true);
      const held = await size();
      assert.ok((await members()).length > 0);
      assert.equal(await size(), held);
      resumeRun({}, await run());
      while (await size() < held + 10);
      assert.equal(await isPaused({}, await run()), false);
    } finally {
      for (const { pid } of sessionMembers(child.pid)) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch {
          // It has already ended by itself.
        }
      }
      await child.status;
      await Deno.remove(file);
    }
  },
});
