/**
 * The standard input of `rune exec`. Input for the command reaches it whole, whatever its size. Input of a
 * loop around it is left alone. A command that does not read ends at once with its own exit code.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { RUNE } from "../scripts/daemon.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const MIB = 1024 * 1024;

/** Runs a shell command in which `EXEC` stands for `rune exec`, without a terminal. */
async function shell({ daemon, home }: Host, line: string) {
  const child = new Deno.Command("bash", {
    args: ["-c", line.replaceAll("EXEC", [...RUNE, "exec"].join(" "))],
    env: { ...daemon.env, NO_COLOR: "1" },
    cwd: home,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr), bytes: stdout };
}

const KINDS = [
  { kind: "container", ignore: noDocker || noRoot, cast: containerService },
  { kind: "process", ignore: noRoot, cast: processService },
];

for (const { kind, ignore, cast } of KINDS) {
  Deno.test({
    name: `exec in a ${kind} passes on the input that was given to it, of any size, and no other`,
    ignore,
    fn: async (t) => {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      await host.rune("cast", await host.file("web.yaml", cast("web")));
      await host.file("list", "a\nb\nc\n");
      const prints = async (line: string, expected: string) => {
        const { code, stdout, stderr } = await shell(host, line);
        assert.deepEqual([code, stdout], [0, expected], `${line}\n${stderr}`);
      };

      await t.step("a pipe, a file from its beginning, and what -i says", async () => {
        await prints("echo piped | EXEC web -- cat", "piped\n");
        await prints("EXEC web -- cat < list", "a\nb\nc\n");
        await prints("EXEC web -- cat <<< here", "here\n");
        await prints("EXEC web -- cat < /dev/null", "");
        await prints("EXEC web -- cat <&-", "");
        await prints("echo piped | EXEC --no-stdin web -- cat", "");
        await prints("{ read first; EXEC -i web -- cat; } < list", "b\nc\n");
      });

      await t.step("the list of a loop is left alone", async () => {
        const loop = 'while read x; do EXEC web -- sh -c "cat; echo $x"; done';
        await prints(`${loop} < list`, "a\nb\nc\n");
        await prints("cat list | while read x; do EXEC web -- echo $x < /dev/null; done", "a\nb\nc\n");
        await prints("cat list | while read x; do EXEC --no-stdin web -- echo $x; done", "a\nb\nc\n");
      });

      await t.step("300 MiB into a command that reads late", async () => {
        await prints("head -c 300M /dev/zero | EXEC web -- sh -c 'sleep 2; wc -c'", `${300 * MIB}\n`);
      });

      await t.step("a command that ends without reading", async () => {
        for (const input of ["head -c 300M /dev/zero", "yes", "sleep 60"]) {
          // The command ends before its input does, which ends with it and holds no output of the shell.
          const script = `timeout 45 EXEC web -- sh -c 'exit 3' < <(exec ${input} 2>/dev/null); code=$?; ` +
            "kill $! 2>/dev/null; exit $code";
          const { code, stderr } = await shell(host, script);
          assert.deepEqual([code, stderr], [3, ""], input);
        }
      });

      await t.step("every byte of the output, and a reader that leaves", async () => {
        const all = 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done';
        const { bytes } = await shell(host, `EXEC web -- sh -c '${all}' </dev/null`);
        assert.deepEqual([...bytes], Array.from({ length: 256 }, (_, i) => i));
        const { stdout, stderr } = await shell(host, "EXEC web -- yes < /dev/null | head -1");
        assert.deepEqual([stdout, stderr], ["y\n", ""]);
      });

      await t.step("-t without a terminal is refused", async () => {
        const { code, stderr } = await shell(host, "echo | EXEC -it web -- cat");
        assert.equal(code, 2);
        assert.match(stderr, /-t needs a terminal/);
      });
    },
  });
}
