/**
 * Tests the daemon from the operator's side: runefile and SIGHUP, service manager, installation, metrics,
 * completion.
 * @module
 */
import assert from "node:assert/strict";
import { capture, findProgram } from "../scripts/command.ts";
import { RUNE } from "../scripts/daemon.ts";
import { hostVolume, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const logOf = (host: Host) => Deno.readTextFile(`${host.home}/daemon.log`);

/** Sends SIGHUP and waits for the log line that answers it. */
async function reload(host: Host, answer: RegExp): Promise<string> {
  const before = (await logOf(host)).length;
  Deno.kill(host.daemon.pid, "SIGHUP");
  return await until(`the log says ${answer}`, async () => {
    const added = (await logOf(host)).slice(before);
    return answer.test(added) && added;
  });
}

Deno.test({
  name: "SIGHUP reloads what it can, names what needs a restart, and ignores an invalid runefile",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.makeTempDir({ prefix: "rune-test-host-" });
    try {
      await using host = await startHost({ runefile: "storage: { trashRetention: 1h }\n" });
      const write = (text: string) => Deno.writeTextFile(`${host.home}/runefile.yaml`, text);
      const castfile = await host.file("v.yaml", hostVolume("shared", shared));
      assert.equal((await host.run(["cast", castfile])).code, 6, "the directory is not allowed yet");
      await write("sever: {}\n");
      assert.match(
        await reload(host, /nothing was reloaded/),
        /runefile\.yaml:1:1: sever: unknown field "sever"; did you mean "server"\?/,
      );
      await write(`storage: { hostPathAllowlist: ["${shared}"] }
server: { log-level: debug, log-format: json, http-addr: "127.0.0.1:1" }
docker: { socket: /elsewhere.sock, registries: [{ match: ghcr.io, token: t }] }
node: { labels: { zone: a } }
auth: { enabled: false }
`);
      // The address comes from a flag, which a runefile does not override, so this is not a change.
      const said = await reload(host, /need a restart/);
      assert.match(
        said,
        /reloaded server\.logLevel, server\.logFormat, storage\.trashRetention, storage\.hostPathAllowlist, docker\.registries, node\.labels/,
      );
      assert.match(said, /changes of docker\.socket need a restart/);
      assert.match(await host.rune("admin", "registry", "list"), /ghcr\.io +runefile +token/);
      await host.rune("cast", castfile);
      const lines = (await logOf(host)).trim().split("\n");
      assert.equal(JSON.parse(lines.at(-1)!).level, "debug");
      await reload(host, /nothing to reload/);
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});

Deno.test({
  name: "rune serve tells the service manager when it is ready, that it lives, and that it stops",
  ignore: noRoot,
  async fn() {
    const home = await Deno.makeTempDir({ prefix: "rune-test-notify-" });
    const manager = Deno.listenDatagram({ transport: "unixpacket", path: `${home}/manager.sock` });
    try {
      const daemon = new Deno.Command(RUNE[0]!, {
        args: [...RUNE.slice(1), "serve", "--data-dir", `${home}/data`, "--http-addr", "127.0.0.1:0"],
        env: { NOTIFY_SOCKET: `${home}/manager.sock`, WATCHDOG_USEC: "100000" },
        stdout: "null",
        stderr: "null",
      }).spawn();
      const receive = async () => new TextDecoder().decode((await manager.receive())[0]);
      assert.match(await receive(), /^READY=1\nSTATUS=listening on http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal(await receive(), "WATCHDOG=1");
      assert.equal(await receive(), "WATCHDOG=1");
      daemon.kill("SIGTERM");
      let last = await receive();
      while (last === "WATCHDOG=1") last = await receive();
      assert.match(last, /^STOPPING=1\n/);
      assert.equal((await daemon.status).code, 0);
      const left = (await Array.fromAsync(Deno.readDir(`${home}/data`))).map(({ name }) => name);
      assert.deepEqual(left.filter((name) => name.includes("notify")), []);
    } finally {
      manager.close();
      await Deno.remove(home, { recursive: true });
    }
  },
});

Deno.test("rune install writes program, unit, runefile and directories, reports each, and keeps an existing runefile", async () => {
  const root = await Deno.makeTempDir({ prefix: "rune-test-install-" });
  try {
    await Deno.writeTextFile(`${root}/built`, "#!/bin/sh\n");
    const install = (env: Record<string, string>, ...args: string[]) =>
      capture([...RUNE, "install", ...args], { env });
    const dry = await install({ RUNE_PROGRAM: `${root}/built` }, "--root", root, "--dry-run");
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /KillMode=process/);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name), ["built"]);
    assert.match(
      (await install({}, "--root", root)).stderr,
      /from source.*\nhint: build it with deno task build/,
    );

    const first = await install({ RUNE_PROGRAM: `${root}/built` }, "--root", root);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /\/usr\/local\/bin\/rune written\n/);
    assert.equal((await Deno.stat(`${root}/usr/local/bin/rune`)).mode! & 0o777, 0o755);
    assert.equal((await Deno.stat(`${root}/var/lib/rune`)).mode! & 0o777, 0o711);
    const linted = await capture([...RUNE, "lint", `${root}/etc/rune/runefile.yaml`]);
    assert.equal(linted.code, 0, linted.stderr);

    await Deno.writeTextFile(`${root}/etc/rune/runefile.yaml`, "node: { name: mine }\n");
    const second = await install({ RUNE_PROGRAM: `${root}/built` }, "--root", root);
    assert.match(second.stdout, /rune\.service unchanged\n/);
    assert.match(second.stdout, /runefile\.yaml unchanged/);
    assert.equal(await Deno.readTextFile(`${root}/etc/rune/runefile.yaml`), "node: { name: mine }\n");
    if (findProgram("systemd-analyze") !== undefined) {
      const unit = await Deno.readTextFile(`${root}/etc/systemd/system/rune.service`);
      await Deno.writeTextFile(
        `${root}/rune.service`,
        unit.replace("/usr/local/bin/rune serve", "/bin/true"),
      );
      const verified = await capture(["systemd-analyze", "verify", `${root}/rune.service`]);
      assert.doesNotMatch(verified.stderr, /rune\.service:\d+: /);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test({
  name: "bash, zsh and fish complete commands, kinds and names of resources",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await host.rune(
      "cast",
      await host.file("p.yaml", processService("agent-one") + "---\n" + processService("other")),
    );
    const bin = `${host.home}/bin`;
    await Deno.mkdir(bin);
    const quoted = RUNE.map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(`${bin}/rune`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
    const env = { ...host.daemon.env, PATH: `${bin}:${Deno.env.get("PATH")}`, HOME: host.home };
    for (const name of ["bash", "zsh", "fish"]) {
      await Deno.writeTextFile(`${host.home}/rune.${name}`, await host.rune("completion", name));
    }
    const shell = async (...argv: string[]) => {
      const { code, stdout, stderr } = await capture(argv, { env });
      assert.equal(code, 0, stderr);
      return stdout.trim().split("\n");
    };
    const bash = (...words: string[]) =>
      shell(
        "bash",
        "-c",
        `source "$HOME/rune.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _rune; printf '%s\\n' "\${COMPREPLY[@]}"`,
        "bash",
        ...words,
      );
    assert.deepEqual(await bash("rune", "resta"), ["restart"]);
    assert.deepEqual(await bash("rune", "restart", "agent"), ["agent-one"]);
    assert.deepEqual(await bash("rune", "get", "services", "agent-one", ""), ["other"]);
    assert.deepEqual(await bash("rune", "service", "delete", "o"), ["other"]);
    assert.deepEqual(await bash("rune", "get", "services", "-n", "d"), ["default"]);
    assert.deepEqual(await bash("rune", "get", "services", "-o", "j"), ["json"]);
    assert.deepEqual(await bash("rune", "logs", "--fol"), ["--follow"]);

    const fish = (line: string) =>
      shell("fish", "--no-config", "-c", `source $HOME/rune.fish; complete -C '${line}'`);
    assert.match((await fish("rune restart agent"))[0]!, /^agent-one\tservice, Running$/);
    assert.match((await fish("rune volu"))[0]!, /^volume\t/);

    // What zsh would offer: only its display of candidates is replaced.
    const zsh = `compdef() { :; }; _describe() { print -l -- $candidates; }; _files() { print files; }
      source "$HOME/rune.zsh"; words=("$@"); CURRENT=$#; _rune`;
    assert.deepEqual(await shell("zsh", "-f", "-c", zsh, "zsh", "rune", "restart", "agent"), [
      "agent-one:service, Running",
    ]);
    assert.deepEqual(await shell("zsh", "-f", "-c", zsh, "zsh", "rune", "cast", ""), ["files"]);
    await host.daemon.stop();
    assert.deepEqual(await bash("rune", "restart", ""), [""], "without a daemon: nothing, and no error");
    await host.restart();
    for (const name of ["agent-one", "other"]) await host.rune("delete", "service", name, "--yes");
  },
});

Deno.test({
  name: "the log contains only the daemon's own lines and nothing from the runtime",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const text = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n" + processService("agent");
    await host.rune("cast", await host.file("c.yaml", text));
    await host.rune("volume", "get", "v");
    await host.rune("exec", "agent", "--", "true");
    await host.rune("logs", "agent");
    await host.rune("admin", "backup", "--out", `${host.home}/b.tgz`, "--with-volumes", "default/v");
    await host.daemon.stop();
    const lines = (await logOf(host)).trimEnd().split("\n");
    assert.match(lines.at(-1)!, /stopped$/);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\S+ \[(info|warning)\] rune/);
  },
});
