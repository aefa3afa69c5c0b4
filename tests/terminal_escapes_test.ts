/**
 * Tests with the real program that other people's text, and the daemon's own log, are shown as plain text.
 * @module
 */
import assert from "node:assert/strict";
import { RUNE } from "../scripts/daemon.ts";
import { startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const EVIL = "\x1b]0;owned\x07\x9b2J\x7f\u202e\r";
// deno-lint-ignore no-control-regex
const NOT_PLAIN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const PRINT = "printf '\\033[31mred\\033[0m \\033]0;owned\\007done\\n'; exec sleep 1000000";

Deno.test({
  name:
    "escape sequences in values, errors, the audit log and the daemon's log are written out; logs and exec pass on",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const put = async (path: string, body: unknown) => {
      const response = await fetch(`${host.daemon.url}${path}`, {
        method: "PUT",
        headers: { "content-type": "application/json", "user-agent": "owned \x9b2J" },
        body: JSON.stringify(body),
      });
      return await response.text();
    };
    const readPlain = async (planted: boolean, ...args: string[]) => {
      const { stdout, stderr } = await host.run(args);
      for (const text of [stdout, stderr]) {
        assert.equal(text.search(NOT_PLAIN), -1, `rune ${args.join(" ")}: ${JSON.stringify(text)}`);
      }
      assert.equal(/owned/.test(stdout + stderr), planted, `rune ${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    };
    const planted = { data: { "app.conf": `a${EVIL}b` } };
    const made = await put("/v1/namespaces/default/configmaps/c", planted);
    assert.match(made, /owned/);
    // A program that does not exist: its name appears in events, messages and failures.
    await put("/v1/namespaces/default/services/broken", {
      process: { command: `/owned${EVIL}` },
      securityContext: { user: "nobody" },
    });
    await put("/v1/namespaces/default/services/web", {
      process: { command: "/bin/sh", args: ["-c", PRINT] },
      env: { OWNED: `owned${EVIL}` },
      securityContext: { user: "nobody" },
    });
    await until("both were tried", async () => {
      const { items } = await host.get("services");
      return items.length === 2 &&
        items.every((s: { status: { state: string } }) => s.status.state !== "Pending");
    });
    const yaml = await readPlain(true, "get", "configmap", "c", "-o", "yaml");
    assert.match(yaml, /"a\\e\]0;owned\\a\\u009b2J\\u007f\\u202e\\rb"/);
    assert.equal(
      JSON.parse(await readPlain(true, "get", "configmap", "c", "-o", "json")).spec.data["app.conf"],
      planted.data["app.conf"],
    );
    await readPlain(true, "describe", "configmap", "c");
    await readPlain(true, "describe", "service", "broken");
    await readPlain(true, "describe", "instance", "broken-0");
    await readPlain(true, "events");
    await readPlain(true, "status");
    await readPlain(true, "get", "service", `owned${EVIL}`);
    await readPlain(true, "get", "services", "-l", `owned${EVIL}`);
    await fetch(`${host.daemon.url}/v1/namespaces/default/services/owned%1b%5d0;x%07`, { method: "DELETE" })
      .then((r) => r.body?.cancel());
    await readPlain(true, "admin", "audit");

    assert.equal(await host.rune("logs", "web"), "\x1b[31mred\x1b[0m \x1b]0;owned\x07done\n");
    assert.equal(await host.rune("exec", "web", "--", "printf", "\\033]0;x\\007"), "\x1b]0;x\x07");
    const logs = [...RUNE, "logs", "web"].map((word) => `'${word}'`).join(" ");
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", logs, "/dev/null"],
      env: host.daemon.env,
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "\x1b[31mred\x1b[0m \\u001b]0;owned\\u0007done\r\n");

    const log = await Deno.readTextFile(`${host.home}/daemon.log`);
    assert.equal(log.search(NOT_PLAIN), -1, log);
    for (const line of log.trimEnd().split("\n")) assert.match(line, /^(\d{4}-\d\d-\d\dT| {4})/);
  },
});
