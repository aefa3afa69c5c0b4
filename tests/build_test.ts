/**
 * Tests the output of `deno task build`: a single file that needs nothing else and knows its build.
 * @module
 */
import assert from "node:assert/strict";
import { capture } from "../scripts/command.ts";
import { ROOT } from "../scripts/tree.ts";

const MADE_AT = 1_700_000_000;

Deno.test("the built program runs alone, with an empty PATH in an empty directory, and prints version, commit and build date", async () => {
  const build = [Deno.execPath(), "run", "-A", `${ROOT}/scripts/build.ts`];
  const built = await capture(build, { cwd: ROOT, env: { SOURCE_DATE_EPOCH: `${MADE_AT}` } });
  assert.equal(built.code, 0, built.stdout + built.stderr);
  const commit = (await capture(["git", "rev-parse", "--short=12", "HEAD"], { cwd: ROOT })).stdout.trim();
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const home = await Deno.makeTempDir({ prefix: "rune-test-build-" });
  let daemon: Deno.ChildProcess | undefined;
  try {
    await Deno.copyFile(`${ROOT}/dist/rune`, `${home}/rune`);
    const alone = { cwd: home, env: { PATH: "", HOME: home }, clearEnv: true };
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(`${home}/rune`, { ...alone, args }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assert.equal(code, 0, text(stderr));
      return JSON.parse(text(stdout));
    };
    const { client } = await run("version", "--client", "-o", "json");
    assert.equal(client.version, version);
    assert.equal((client.commit ?? "").replace(/-changed$/, ""), commit);
    assert.equal(client.builtAt, new Date(MADE_AT * 1000).toISOString());

    const serve = ["serve", "--dev-mode", "--http-addr", "127.0.0.1:0"];
    daemon = new Deno.Command(`${home}/rune`, { ...alone, args: serve, stdout: "piped", stderr: "null" })
      .spawn();
    let said = "";
    let address: string | undefined;
    for await (const text of daemon.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      address = /listens on (http:\/\/\S+),/.exec(said)?.[1];
      if (address) break;
    }
    const { server } = await run("version", "--server", address ?? said, "-o", "json");
    assert.deepEqual([server.version, server.commit, server.builtAt], [
      version,
      client.commit,
      client.builtAt,
    ]);
  } finally {
    daemon?.kill("SIGTERM");
    await daemon?.status;
    await Deno.remove(home, { recursive: true });
  }
});
