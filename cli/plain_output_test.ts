/**
 * Nothing but plain text reaches the terminal, whatever the daemon, the files and the arguments hold: every
 * command is tried.
 */
import assert from "node:assert/strict";
import { anInstance, aService, aVolume } from "./daemon_fixture.ts";
import { listCommands, runCli } from "./main.ts";
import { fakeTerminal } from "./terminal_fixture.ts";

// Every way into and out of these tests is awaited no longer than a command may take.
Deno.test.sanitizer({ ops: false, resources: false });

/**
 * A title, a colour that Rune does not use, an 8-bit sequence, DEL, a mark that reverses text, a carriage
 * return, a bell.
 */
const EVIL = "\x1b]0;owned\x07\x1b[35;7m\x9b5;1H\x7f\u202e\r\x1bc";
/** The escape sequences of Rune itself. */
// deno-lint-ignore no-control-regex
const OWN = /\x1b\[(\d+A|1G|J|0m|1m|2m|3[1-6]m)/g;
// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;
// deno-lint-ignore no-control-regex
const NOT_PLAIN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** Left as they are: with EVIL in them, a command would fail before it prints. */
const KEPT = new Set([
  "kind",
  "name",
  "namespace",
  "code",
  "type",
  "uid",
  "state",
  "createdAt",
  "updatedAt",
  "at",
  "lastAt",
]);

/** A document with EVIL in every text and key. */
function poison(value: unknown, key = ""): unknown {
  if (typeof value === "string") {
    return KEPT.has(key) || /^\d{4}-\d\d-\d\dT|^[\d.]+\w{0,2}$/.test(value) ? value : value + EVIL;
  }
  if (Array.isArray(value)) return value.map((item) => poison(item, key));
  if (typeof value !== "object" || value === null) return value;
  const open = ["labels", "annotations", "env", "parameters", "data"].includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [open ? name + EVIL : name, poison(item, name)]),
  );
}

const AT = "2026-01-31T12:00:00.000Z";
const extras = { labels: { a: "b" }, annotations: { a: "b" } };
const event = {
  ...aVolume("e"),
  kind: "event",
  spec: {
    type: "Warning",
    reason: "Evil",
    message: "it\nfailed",
    object: { kind: "service", name: "web" },
    count: 2,
    firstAt: AT,
    lastAt: AT,
  },
  status: {},
};
const BY_KIND: Record<string, unknown> = {
  services: {
    ...aService("web", {
      spec: { env: { A: "b" }, image: "i" },
      status: { state: "Degraded", reason: "CrashLoop", message: "it\nfailed" },
    }),
    ...extras,
  },
  instances: {
    ...anInstance("web", 0, {
      status: { message: "it failed", lastFailure: { reason: "Evil", message: "failed", at: AT } as never },
    }),
    ...extras,
  },
  volumes: { ...aVolume("web", { state: "Stalled" as never, failureMessage: "full" }), ...extras },
  snapshots: {
    ...aVolume("web"),
    kind: "snapshot",
    spec: { volumeName: "web" },
    status: { state: "Failed", failureMessage: "full", attempts: 0, conditions: [] },
    ...extras,
  },
  events: event,
};
const other = {
  ...aVolume("web"),
  ...extras,
  spec: { data: { key: "value" }, driver: "local", parameters: { a: "b" } },
  data: { key: "value" },
  user: "u",
  id: "i",
  policies: ["p"],
  description: "d",
  rules: [{ resource: "r", verbs: ["v"], namespace: "n" }],
  match: "m",
  registry: "r",
  driver: "d",
  at: AT,
  requestId: "r",
  address: "a",
  method: "GET",
  path: "/p",
  what: "w",
  outcome: "denied",
  token: "t",
  version: "v",
  warnings: ["w"],
  detail: "d",
};
const status = {
  version: "v",
  node: "n",
  daemonId: "d",
  startedAt: AT,
  dataDir: "d",
  devMode: false,
  warnings: ["w"],
  runners: [{ name: "docker", ok: false, message: "m" }],
  namespaces: [{ name: "n", services: { Running: 1 }, instances: { total: 1, ready: 1 }, volumes: {} }],
  recentWarnings: [{
    namespace: "n",
    object: { kind: "k", name: "n" },
    reason: "r",
    message: "m",
    count: 2,
    lastAt: AT,
  }],
};

function answer(path: string, wantsEvents: boolean): Response {
  const [, kind, name] = /^\/v1\/(?:namespaces\/[^/]+\/|admin\/|auth\/)?([\w-]+)\/?([^/]*)/.exec(path) ?? [];
  const resource = poison(BY_KIND[kind!] ?? other) as Record<string, unknown>;
  if (wantsEvents) {
    const line = { instance: "web-0", stream: "stdout", text: "printed" + EVIL };
    const events: [string, unknown][] = [
      ["line", line],
      ["record", resource],
      ["put", { type: "put", revision: 1, resource }],
      ["sync", { type: "sync", revision: 1 }],
    ];
    return new Response(
      events.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join(""),
      {
        headers: { "content-type": "text/event-stream" },
      },
    );
  }
  if (path === "/v1/status") return Response.json(poison(status));
  if (path.startsWith("/v1/cast")) {
    return Response.json(
      poison({
        results: [{
          kind: "service",
          namespace: "default",
          name: "web",
          action: "updated",
          changes: [{ path: "image", from: "a", to: "b" }],
          warnings: ["w"],
        }],
        warnings: ["w"],
      }),
    );
  }
  return Response.json(name === "" ? { items: [resource], revision: 1 } : resource);
}

interface Shown {
  argv: string[];
  stdout: string;
  stderr: string;
}

/** Runs every command, each for a few seconds at most. */
async function runAll(
  respond: (url: URL, request: Request) => Response,
  options: { argument: string; terminal: boolean },
): Promise<Shown[]> {
  const stop = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: stop.signal, onListen() {} },
    (request) => respond(new URL(request.url), request),
  );
  const home = await Deno.makeTempDir({ prefix: "rune-plain-" });
  try {
    const castfile = `${home}/web.yaml`;
    await Deno.writeTextFile(castfile, "service: { name: web, image: 'web:1' }\n");
    const all = await listCommands(fakeTerminal());
    assert.ok(all.length > 50, String(all.length));
    const runs = all.flatMap(({ words, arguments: count }) => {
      const files = ["cast", "lint", "diff"].includes(words[0]!) && options.argument === "web";
      const first = words[0] === "get" ? "services" : files ? castfile : options.argument;
      const argv = [...words, ...[first, options.argument, options.argument].slice(0, count)];
      if (words[0] === "install") argv.push("--dry-run");
      if (words[0] === "get") {
        return ["services", "instances", "volumes", "snapshots", "events"].flatMap((kind) =>
          ["table", "yaml", "json", "wide"].map((form) => ["get", kind, "-o", form])
        ).concat([argv]);
      }
      if (words[0] === "describe") {
        return ["service", "instance", "volume", "snapshot", "configmap"].map((
          kind,
        ) => ["describe", kind, "web"]);
      }
      return [argv];
    });
    return await Promise.all(runs.map(async (argv) => {
      const terminal = fakeTerminal({
        stdin: "n\n",
        ...(options.terminal && { size: { columns: 100, rows: 30 } }),
        env: {
          RUNE_SERVER: `http://127.0.0.1:${server.addr.port}`,
          RUNE_CONFIG: `${home}/config.yaml`,
          HOME: home,
          RUNE_DEBUG: "1",
        },
      });
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([
        runCli(argv, { serve: () => Promise.reject(new Error(`no daemon ${EVIL}`)), terminal }),
        new Promise((resolve) => timer = setTimeout(resolve, 4000)),
      ]);
      clearTimeout(timer);
      return { argv, stdout: terminal.stdout(), stderr: terminal.stderr() };
    }));
  } finally {
    stop.abort();
    await server.finished;
    await Deno.remove(home, { recursive: true });
  }
}

function assertPlain(shown: Shown[], { terminal }: { terminal: boolean }): void {
  for (const { argv, stdout, stderr } of shown) {
    // Output of workloads goes through a pipe unchanged.
    const texts = argv[0] === "logs" && !terminal ? [stderr] : [stdout, stderr];
    for (const text of texts) {
      const rest = terminal ? text.replace(argv[0] === "logs" ? COLOURS : OWN, "") : text;
      const at = rest.search(NOT_PLAIN);
      assert.equal(
        at,
        -1,
        `rune ${argv.join(" ")}: ${JSON.stringify(rest.slice(Math.max(0, at - 60), at + 20))}`,
      );
    }
  }
}

for (const terminal of [true, false]) {
  const where = terminal ? "a terminal" : "a pipe";
  Deno.test(`every command shows ${where} plain text alone when the daemon answers with anything else`, async () => {
    const shown = await runAll(
      (url, request) => answer(url.pathname, /event-stream/.test(request.headers.get("accept") ?? "")),
      { argument: "web", terminal },
    );
    assertPlain(shown, { terminal });
    const planted = shown.filter(({ stdout, stderr }) => /owned/.test(stdout + stderr));
    // Keeps the test honest: most commands that show data of the daemon show the planted text.
    assert.ok(planted.length > 25, planted.map(({ argv }) => argv.join(" ")).join(", "));
  });
  Deno.test(`every command shows ${where} plain text alone when it is refused, and of its arguments`, async () => {
    const detail = { type: "about:blank", title: `t${EVIL}`, status: 404, code: "not_found" };
    const problem = {
      ...detail,
      detail: `no${EVIL}\nhint: forged`,
      hint: `h${EVIL}`,
      issues: [{ path: [`p${EVIL}`], message: `m${EVIL}` }],
    };
    const shown = await runAll(
      () => Response.json(problem, { status: 404, headers: { "content-type": "application/problem+json" } }),
      { argument: `x${EVIL}`, terminal },
    );
    assertPlain(shown, { terminal });
    assert.ok(shown.filter(({ stderr }) => /owned/.test(stderr)).length > 40);
    for (const { argv, stderr } of shown) assert.doesNotMatch(stderr, /^hint: forged/m, argv.join(" "));
  });
}
