/**
 * Tests the environment that programs get: the terminal's name, and no variable that affects the daemon on
 * the way.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { quoteWord } from "../runners/process/environment.ts";
import { RUNE } from "../scripts/daemon.ts";
import { containerService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const SLEEPING = "service:\n  name: terminal\n  process: { command: /bin/sleep, args: ['3600'] }\n";

/** The output of `rune exec` on a terminal of 33 rows and 91 columns that calls itself `term`. */
async function execOnTerminal(host: Host, command: string, term: string): Promise<string> {
  const rune = [...RUNE, "exec", "terminal", "--", "sh", "-c", command].map(quoteWord).join(" ");
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", `stty rows 33 cols 91; ${rune}`, "/dev/null"],
    env: { ...host.daemon.env, TERM: term },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

for (
  const { kind, ignore, text } of [
    { kind: "process", ignore: false, text: SLEEPING },
    { kind: "container", ignore: noDocker, text: containerService("terminal") },
  ]
) {
  Deno.test({
    name: `rune exec into a ${kind} has the client's TERM and size on a terminal, and neither without`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      await host.rune("cast", await host.file("terminal.yaml", text));
      // The Engine sets the size after the command has started.
      const sized =
        'i=0; until [ "$(stty size 2>/dev/null)" = "33 91" ] || [ $i = 100 ]; do sleep 0.05; i=$((i+1)); done; ';
      const show = `${sized}echo "TERM=$TERM $(stty size)"`;
      assert.match(await execOnTerminal(host, show, "screen-256color"), /TERM=screen-256color 33 91\r+\n/);
      // This is not a terminal's name, so it is not passed on.
      assert.match(await execOnTerminal(host, show, "$(id)"), /TERM=xterm 33 91\r+\n/);
      assert.equal(await host.rune("exec", "terminal", "--", "sh", "-c", 'echo "[$TERM]"'), "[]\n");
    },
  });
}

Deno.test({
  name: "variables of a service do not affect what the daemon executes as root to start it",
  ignore: noRoot,
  async fn() {
    const traces = await Deno.makeTempDir({ prefix: "rune-test-traces-" });
    try {
      await Deno.chmod(traces, 0o1777);
      await using host = await startHost();
      const loader = `service:
  name: loader
  process: { command: /bin/sleep, args: ["3600"] }
  securityContext: { user: nobody }
  env: { LD_DEBUG: libs, LD_DEBUG_OUTPUT: ${traces}/trace }
`;
      await host.rune("cast", await host.file("loader.yaml", loader));
      await host.rune("exec", "loader", "--", "true");
      const owners = await until("the program's own loader has written its trace", async () => {
        const entries = await Array.fromAsync(Deno.readDir(traces));
        const stats = await Promise.all(entries.map(({ name }) => Deno.stat(`${traces}/${name}`)));
        return stats.length > 0 && stats.map(({ uid }) => uid);
      });
      assert.ok(owners.every((uid) => uid !== 0), String(owners));
    } finally {
      await Deno.remove(traces, { recursive: true });
    }
  },
});
