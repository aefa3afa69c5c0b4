import assert from "node:assert/strict";
import { dropStalePidFile } from "./setup.ts";

async function survives(content: string, program: string): Promise<boolean> {
  const file = await Deno.makeTempFile({ prefix: "rune-pid-" });
  await Deno.writeTextFile(file, content);
  await dropStalePidFile(file, program);
  const kept = await Deno.stat(file).then(() => true, () => false);
  if (kept) await Deno.remove(file);
  return kept;
}

const ownName = () => Deno.readTextFileSync("/proc/self/comm").trim();
const onLinux = Deno.build.os === "linux";

Deno.test({
  name: "dropStalePidFile() keeps the file of a running program",
  ignore: !onLinux,
  fn: async () => assert.equal(await survives(`${Deno.pid}\n`, ownName()), true),
});

Deno.test("dropStalePidFile() removes the file of a program that is gone, even if its pid was reused", async () => {
  assert.equal(await survives("4194305", "dockerd"), false);
  assert.equal(await survives(String(Deno.pid), "dockerd"), false);
});

Deno.test("dropStalePidFile() does nothing without a file", async () => {
  await dropStalePidFile("/nonexistent/docker.pid", "dockerd");
});
