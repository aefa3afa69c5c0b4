/**
 * Tests ports of the machine: a taken port is reported at cast or at launch, and bound ports are shown.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { freePorts } from "./by_name.ts";
import { processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const ignore = noDocker || noRoot;

const web = (name: string, expose: string) =>
  `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: [httpd, -f, -p, 8080, -h, /tmp]\n  stopTimeout: 1s\n` +
  `  ports: [{ name: http, port: 8080 }]\n  expose: ${expose}\n`;

/** The error when these services are cast. */
async function refusal(host: Host, ...texts: string[]): Promise<string> {
  const file = await host.file("refused.yaml", texts.join("---\n"));
  for (const more of [[], ["--dry-run"]]) {
    const { code, stderr } = await host.run(["cast", ...more, file]);
    assert.equal(code, 6, stderr);
    if (more.length > 0) return stderr;
  }
  throw new Error("nothing was cast");
}

Deno.test({
  name:
    "a port of the proxy, the daemon or another service is refused at cast, and the error names its owner",
  ignore,
  async fn() {
    await ensureTestImage();
    const [httpPort, httpsPort, free] = freePorts(3) as [number, number, number];
    await using host = await startHost({
      runefile: `expose: { httpPort: ${httpPort}, httpsPort: ${httpsPort}, caddy: /nowhere/caddy }\n`,
    });
    const named = web("by-name", "{ port: http, host: one.localhost }");
    const api = new URL(host.daemon.url).port;
    for (
      const [port, holder] of [
        [httpPort, /the proxy, which serves host names \(expose\.httpPort/],
        [httpsPort, /the proxy, which serves host names \(expose\.httpsPort/],
        [api, /belongs to the daemon's own API/],
      ] as const
    ) {
      const told = await refusal(host, named, web("by-port", `{ port: http, hostPort: ${port} }`));
      assert.match(told, new RegExp(`:15:\\d+: .*port ${port} of this machine belongs to `));
      assert.match(told, holder);
      const process = processService("own", `  ports: [{ port: ${port} }]\n`);
      assert.match(await refusal(host, process), holder);
    }
    await host.rune(
      "cast",
      await host.file("udp.yaml", processService("own", `  ports: [{ port: ${httpPort}, protocol: udp }]\n`)),
    );
    await host.rune(
      "cast",
      "--no-wait",
      await host.file("a.yaml", processService("own", `  ports: [{ port: ${free} }]\n`)),
    );
    const told = await refusal(host, web("by-port", `{ port: http, hostPort: ${free} }`));
    assert.match(
      told,
      new RegExp(`port ${free} of this machine belongs to a process of service default/own`),
    );
    assert.match(told, /choose another hostPort/);
  },
});

Deno.test({
  name: "expose.hostAddress narrows where a port is published, and the status shows what is really bound",
  ignore,
  async fn() {
    await ensureTestImage();
    const [open, narrow] = freePorts(2) as [number, number];
    await using host = await startHost();
    const text = web("open", `{ port: http, hostPort: ${open} }`) + "---\n" +
      web("narrow", `{ port: http, hostPort: ${narrow}, hostAddress: 127.0.0.1 }`);
    const said = await host.rune("cast", await host.file("both.yaml", text));
    assert.match(
      said,
      new RegExp(
        `default/open is published on all addresses of the machine, past its firewall: 0\\.0\\.0\\.0:${open}/tcp; .*hostAddress`,
      ),
    );
    assert.doesNotMatch(said, /narrow is published/);
    const rows = await host.rune("get", "services");
    assert.match(rows, new RegExp(`^open .* 0\\.0\\.0\\.0:${open}/tcp `, "m"));
    assert.match(rows, new RegExp(`^narrow .* 127\\.0\\.0\\.1:${narrow}/tcp `, "m"));
    assert.match(await host.rune("describe", "service", "open"), /on all addresses of the machine/);
    (await Deno.connect({ hostname: "127.0.0.1", port: narrow })).close();
    const other = Deno.networkInterfaces().find((i) =>
      i.family === "IPv4" && i.address !== "127.0.0.1"
    )!.address;
    await assert.rejects(Deno.connect({ hostname: other, port: narrow }), Deno.errors.ConnectionRefused);
    (await Deno.connect({ hostname: other, port: open })).close();

    await host.rune("stop", "narrow");
    await until("nothing is bound", async () => /^narrow .* - /m.test(await host.rune("get", "services")));
    const told = await refusal(
      host,
      web("narrow", `{ port: http, hostPort: ${narrow}, hostAddress: 192.0.2.1 }`),
    );
    assert.match(told, /this machine has no address 192\.0\.2\.1/);
  },
});

Deno.test({
  name: "a port of a foreign program is reported at launch in plain words, and used once it is free",
  ignore,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    try {
      const file = await host.file("late.yaml", web("late", `{ port: http, hostPort: ${port} }`));
      const process = await host.file("own.yaml", processService("own", `  ports: [{ port: ${port} }]\n`));
      assert.match(
        (await host.run(["cast", "--dry-run", process])).stderr,
        /^warning service default\/own: port /m,
      );
      for (const more of [["--dry-run"], ["--no-wait"]]) {
        const { code, stderr } = await host.run(["cast", ...more, file]);
        assert.equal(code, 0, stderr);
        assert.match(
          stderr,
          new RegExp(
            `^warning service default/late: port ${port} of this machine is in use by pid ${Deno.pid} \\(deno\\)`,
            "m",
          ),
        );
      }
      const message = await until(
        "it says so",
        async () => (await host.get("service", "late")).status.message,
      );
      assert.match(
        message,
        new RegExp(`port ${port} of this machine is in use by pid ${Deno.pid} \\(deno\\)`),
      );
      assert.doesNotMatch(message, /[0-9a-f]{12}|endpoint|userland|correct the command/);
    } finally {
      listener.close();
    }
    await until("it runs", async () => (await host.get("service", "late")).status.state === "Running");
    const again = await host.run([
      "cast",
      "--force",
      await host.file("late.yaml", web("late", `{ port: http, hostPort: ${port} }`)),
    ]);
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stderr, /in use/, "its own port is no stranger's");
  },
});

Deno.test({
  name: "in dev mode nothing is published beyond this machine, whatever hostAddress says",
  ignore: noRoot,
  async fn() {
    const { startDaemon } = await import("../scripts/daemon.ts");
    const home = await Deno.makeTempDir({ prefix: "rune-ports-" });
    const daemon = await startDaemon(home, { devMode: true });
    try {
      for (const hostAddress of ["0.0.0.0", "192.0.2.1", "::"]) {
        const answer = await fetch(`${daemon.url}/v1/namespaces/default/services/web`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ image: TEST_IMAGE, expose: { port: 8080, hostAddress } }),
        });
        const problem = await answer.json();
        assert.equal(answer.status, 400, JSON.stringify(problem));
        assert.match(problem.detail, /in dev mode ports are published on 127\.0\.0\.1 only/);
      }
    } finally {
      await daemon.stop();
      await Deno.remove(home, { recursive: true });
    }
  },
});
