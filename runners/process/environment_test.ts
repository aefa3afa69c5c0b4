/**
 * A process has only the variables of its service and those that docs/process-services.md names.
 * @module
 */
import assert from "node:assert/strict";
import { findAccount } from "./accounts.ts";
import { isNotRoot, type ProcessRoom, roomTest } from "./test_room.ts";
import { SYSTEM_PATH } from "./tools.ts";
import type { RunSpec } from "../runner.ts";

const { signal } = new AbortController();
const SHOW = ["cat", "/proc/self/environ"];

/** The output of a run that only prints its environment. */
async function environmentOf(room: ProcessRoom, spec: RunSpec): Promise<Record<string, string>> {
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const entries = await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }));
  return parse(entries.map(({ text }) => text).join("\n"));
}

const parse = (text: string) =>
  Object.fromEntries(
    text.split("\0").filter((variable) => variable !== "")
      .map((
        variable,
      ) => [variable.slice(0, variable.indexOf("=")), variable.slice(variable.indexOf("=") + 1)]),
  );

const show = (room: ProcessRoom, more: Partial<RunSpec>): RunSpec => ({
  ...room.shell("", more),
  process: { command: SHOW[0]!, args: SHOW.slice(1), workdir: "/tmp" },
});

roomTest(
  "a main process and a step have exactly the variables that are documented, and the service's own",
  async (room) => {
    const account = (await findAccount(Deno.uid()!))!;
    const documented = {
      PATH: SYSTEM_PATH,
      HOME: account.home,
      USER: account.name,
      LOGNAME: account.name,
      SHELL: account.shell,
      LANG: "C.UTF-8",
    };
    const own = { A: "it's\ntwo lines", _B: "", LANG: "de_DE.UTF-8" };
    for (const step of [undefined, "prepare.1"]) {
      const named = step === undefined ? {} : { step };
      assert.deepEqual(await environmentOf(room, show(room, named)), documented);
      assert.deepEqual(await environmentOf(room, show(room, { ...named, env: own })), {
        ...documented,
        ...own,
      });
    }
    // Variables that shells set themselves can be set by the service.
    const shells = { PWD: "/somewhere", OLDPWD: "/else", SHLVL: "7", TERM: "vt100" };
    assert.deepEqual(await environmentOf(room, show(room, { env: shells })), { ...documented, ...shells });
  },
  { ignore: isNotRoot },
);

roomTest("a number without an account has HOME=/ and no name; an account has its own", async (room) => {
  const as = (user: string, group?: string) =>
    environmentOf(room, show(room, { securityContext: { user, ...(group !== undefined && { group }) } }));
  const bare = { PATH: SYSTEM_PATH, HOME: "/", SHELL: "/bin/sh", LANG: "C.UTF-8" };
  assert.deepEqual(await as("54321", "54321"), bare);
  const { home, shell } = (await findAccount("nobody"))!;
  assert.deepEqual(await as("nobody"), {
    ...bare,
    HOME: home,
    SHELL: shell,
    USER: "nobody",
    LOGNAME: "nobody",
  });
}, { ignore: isNotRoot });

roomTest("a command of exec has the same, and on a terminal the client's TERM and size", async (room) => {
  const spec = room.shell("echo ready; exec sleep 300", { env: { A: "b" } });
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const { home, shell, name } = (await findAccount(Deno.uid()!))!;
  const bare = { PATH: SYSTEM_PATH, HOME: home, SHELL: shell, LANG: "C.UTF-8" };
  const main = { ...bare, USER: name, LOGNAME: name, A: "b" };
  const run = async (command: string[], more: { tty: boolean; env?: Record<string, string> }) => {
    const size = { columns: 91, rows: 33 };
    const session = await room.runner.exec(spec, { command, stdin: false, signal, size, ...more });
    let text = "";
    for await (const { data } of session.output) text += new TextDecoder().decode(data);
    assert.equal(await session.exitCode, 0);
    return text;
  };
  assert.deepEqual(parse(await run(SHOW, { tty: false })), main);
  const own = await run(SHOW, { tty: true, env: { TERM: "screen-256color" } });
  assert.deepEqual(parse(own), { ...main, TERM: "screen-256color" });
  assert.equal(await run(["stty", "size"], { tty: true, env: { TERM: "vt100" } }), "33 91\r\n");
}, { ignore: isNotRoot });

for (const shell of ["dash", "bash --posix", "busybox sh"]) {
  const [program] = shell.split(" ");
  const there = await Deno.stat(`/bin/${program}`).then(() => true, () => false);
  Deno.test({
    name: `setup.sh adds nothing to the environment, executed by ${shell}`,
    ignore: !there,
    async fn() {
      const dir = await Deno.makeTempDir();
      try {
        await Deno.writeTextFile(`${dir}/5`, "go\nexport A='b c'\n.\n");
        const setup = new URL("setup.sh", import.meta.url).pathname;
        const script =
          `exec ${shell} -s rune-setup /tmp -- cat /proc/self/environ <"$1" 3>/dev/null 4</dev/null 5<"$2/5" ` +
          "6</dev/null 8>&2 9>&2";
        const { stdout, stderr } = await new Deno.Command("/bin/sh", {
          args: ["-c", script, "sh", setup, dir],
          clearEnv: true,
          cwd: dir,
          env: { PATH: SYSTEM_PATH, LC_ALL: "C", OLDPWD: "/", SHLVL: "1" },
        }).output();
        const text = new TextDecoder();
        assert.deepEqual(parse(text.decode(stdout)), { A: "b c", PATH: SYSTEM_PATH }, text.decode(stderr));
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}
