/** Tests every command against a real daemon: its output, its formats, and its exit code. @module */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { RUNE } from "../scripts/daemon.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const COUNT = "i=0; while [ $i -lt 5 ]; do i=$((i+1)); echo line $i; done; echo oops >&2; exec sleep 1000000";

/** One host for all steps: a container service `web` on a volume and a process service `agent`. */
async function castBoth(host: Host): Promise<void> {
  const mount = "  volumes:\n    - { name: d, mountPath: /data, claim: { name: v } }\n";
  const text = "volume: { name: v, size: 5Gi, accessMode: ReadWriteOnce }\n---\n" +
    containerService("web", "  scale: 1\n  labels: { app: web }\n" + mount) + "---\n" +
    processService("agent", "", COUNT);
  await host.rune("cast", await host.file("both.yaml", text));
}

/** Starts `rune` and reads its output line by line. */
function follow(host: Host, args: string[]) {
  const [program, ...rest] = [...RUNE, ...args];
  const child = new Deno.Command(program!, {
    args: rest,
    env: { ...host.daemon.env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines: string[] = [];
  const read = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    }
  })();
  return {
    lines,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has already ended.
      }
      await child.status;
      await read;
    },
  };
}

const header = (text: string) => text.split("\n")[0]!.trim().split(/\s{2,}/).join(" ");

Deno.test({
  name: "every command of this version works against a real daemon",
  ignore: noDocker || noRoot,
  async fn(t) {
    await ensureTestImage();
    await using host = await startHost();
    await castBoth(host);

    await t.step("tables have exactly the columns of the specification", async () => {
      const columns = {
        services: "NAME TYPE STATUS INSTANCES EXTERNAL GENERATION AGE",
        volumes: "NAME CLASS STATUS SIZE ACCESS AGE",
        instances: "NAME SERVICE STATE RESTARTS IP AGE",
        storageclasses: "NAME DRIVER DEFAULT RECLAIM AGE",
      };
      for (const [kind, expected] of Object.entries(columns)) {
        assert.equal(header(await host.rune("get", kind)), expected);
      }
      assert.equal(header(await host.rune("service", "list")), columns.services);
      assert.equal(header(await host.rune("volume", "list")), columns.volumes);
      assert.equal(header(await host.rune("storageclass", "list")), columns.storageclasses);
      const services = await host.rune("get", "services");
      assert.match(services, /^web +container +Running +1\/1 +- +1 /m);
      assert.match(services, /^agent +process +Running +1\/1 +- +1 /m);
    });

    await t.step("get speaks every output format, selectors, and one or many names", async () => {
      assert.equal((await host.get("services")).items.length, 2);
      const yaml = parseAllDocuments(await host.rune("get", "service", "web", "-o", "yaml"));
      assert.equal((yaml as { toJS(): { name: string } }[])[0]!.toJS().name, "web");
      assert.equal(await host.rune("get", "services", "-o", "name"), "service/agent\nservice/web\n");
      assert.match(await host.rune("get", "services", "-o", "wide"), /web/);
      assert.equal(await host.rune("get", "services", "-l", "app=web", "-o", "name"), "service/web\n");
      const bound = ["get", "volumes", "--field-selector", "status=Bound", "-o", "name"];
      assert.equal(await host.rune(...bound), "volume/v\n");
      assert.doesNotMatch(await host.rune("get", "services", "--no-headers"), /NAME/);
      assert.match(await host.rune("get", "services", "-A"), /default +web/);
    });

    await t.step("get --watch shows a change as it happens", async () => {
      await using watch = follow(host, ["get", "services", "--watch"]);
      await until("the first rows are there", async () => watch.lines.some((l) => /^web .*1\/1/.test(l)));
      await host.rune("scale", "agent", "2");
      await until("the change is shown", async () => watch.lines.some((l) => /^agent .*2\/2/.test(l)));
      await host.rune("scale", "agent", "1");
    });

    await t.step("logs of a process: all, the tail, both streams; -f follows a container", async () => {
      const all = await host.rune("logs", "agent");
      assert.match(all, /line 1\n[^]*line 5\n/);
      assert.match(all, /oops/);
      assert.equal((await host.rune("logs", "agent", "--tail", "1")).split("\n").length, 2);
      await using logs = follow(host, ["logs", "web", "-f"]);
      await host.rune("exec", "web", "--", "sh", "-c", "echo from inside > /proc/1/fd/1");
      await until("the line is followed", async () => logs.lines.some((l) => l.includes("from inside")));
      assert.match(await host.rune("logs", "instance/web-0"), /from inside/);
      assert.match(await host.rune("logs", "service/web", "--tail", "1"), /from inside/);
    });

    for (const target of ["web", "web-0", "agent"]) {
      await t.step(`exec ${target}: exit code, standard input, streams apart`, async () => {
        const failed = await host.run(["exec", target, "--", "sh", "-c", "echo out; echo err >&2; exit 42"]);
        assert.deepEqual([failed.code, failed.stdout, failed.stderr], [42, "out\n", "err\n"]);
        const piped = await host.run(["exec", target, "--", "sh", "-c", "wc -c"], {
          stdin: "x".repeat(100_000),
        });
        assert.deepEqual([piped.code, piped.stdout.trim()], [0, "100000"]);
      });
      await t.step(`exec ${target} has a terminal when there is one`, async () => {
        const inside = [...RUNE, "exec", target, "--", "sh", "-c", "tty; stty size; echo done"];
        const outcome = await new Deno.Command("script", {
          args: ["-qec", `stty rows 33 cols 77; exec ${inside.map((a) => `'${a}'`).join(" ")}`, "/dev/null"],
          env: { ...host.daemon.env, TERM: "xterm" },
          stdin: "null",
        }).output();
        const text = new TextDecoder().decode(outcome.stdout);
        assert.match(text, /\/dev\/(pts\/|console)/, text);
        assert.match(text, /done/);
      });
    }

    await t.step("describe, events, status and history show the resources", async () => {
      const described = await host.rune("describe", "web");
      assert.match(described, /Status: +Running[^]*\/data +volume v[^]*web-0/);
      assert.match(await host.rune("events"), /Running/);
      assert.match(await host.rune("status"), /docker[^]*process[^]*default/);
      assert.match(await host.rune("history", "web"), /1/);
    });

    await t.step("lint and diff look without touching, and say what differs", async () => {
      const castfile = `${host.home}/both.yaml`;
      await host.rune("lint", castfile);
      const same = await host.run(["diff", castfile]);
      assert.deepEqual(same, { code: 0, stdout: "", stderr: "nothing would change\n" });
      const text = await Deno.readTextFile(castfile);
      const other = await host.file("other.yaml", text.replace("size: 5Gi", "size: 6Gi"));
      const diff = await host.run(["diff", other]);
      assert.equal(diff.code, 1);
      assert.match(diff.stdout, /size[^]*5Gi[^]*6Gi/);
      assert.match(await host.rune("cast", "--dry-run", other), /volume default\/v/);
      assert.equal((await host.get("volume", "v")).spec.size, "5Gi");
      const broken = await host.file("broken.yaml", "service: { name: x }\n");
      assert.equal((await host.run(["lint", broken])).code, 6);
    });

    await t.step(
      "stop scales to zero, restart of a stopped service says so, scale starts it again",
      async () => {
        await host.rune("stop", "agent");
        assert.equal((await host.get("service", "agent")).status.state, "Stopped");
        await host.rune("scale", "agent", "1");
        assert.equal((await host.get("service", "agent")).status.state, "Running");
      },
    );

    await t.step("version names both sides; exit codes follow the specification", async () => {
      const manifest = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
      assert.match(await host.rune("version"), new RegExp(manifest.version));
      const codes: [string[], number][] = [
        [["get", "service", "nobody"], 4],
        [["exec", "nobody", "--", "true"], 4],
        [["get", "srvices"], 2],
        [["no-such-command"], 2],
        [["scale", "web", "2"], 6],
        [["delete", "storageclass", "local", "--yes"], 5],
        [["get", "services", "--server", "http://127.0.0.1:1"], 1],
      ];
      for (const [args, code] of codes) {
        const result = await host.run(args);
        assert.equal(result.code, code, `rune ${args.join(" ")}\n${result.stderr}`);
        assert.match(result.stderr, /^error: /);
      }
    });

    await t.step(
      "delete does not ask without a terminal, keeps volumes, and waits until everything is gone",
      async () => {
        await host.rune("delete", "web", "--yes");
        assert.equal((await host.run(["get", "service", "web"])).code, 4);
        assert.deepEqual((await host.get("instances", "-l", "app=web")).items, []);
        assert.equal((await host.get("volume", "v")).status.state, "Released");
        await host.rune("volume", "delete", "v", "--yes");
        assert.ok(
          (await Deno.stat(`${host.dataDir}/volumes/default/v`)).isDirectory,
          "retain keeps the data",
        );
      },
    );
  },
});
