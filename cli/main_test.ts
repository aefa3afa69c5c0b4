import type { ServeOptions } from "../model/serve_options.ts";
import assert from "node:assert/strict";
import { type Answer, aService, aVolume, problem, withDaemon } from "./daemon_fixture.ts";
import { runCli } from "./main.ts";
import { type FakeOptions, fakeTerminal } from "./terminal_fixture.ts";

interface Run {
  code: number;
  stdout: string;
  stderr: string;
  served: ServeOptions[];
}

async function run(argv: string[], options: FakeOptions = {}): Promise<Run> {
  const terminal = fakeTerminal(options);
  const served: ServeOptions[] = [];
  const serve = (given: ServeOptions) => Promise.resolve(void served.push(given));
  const code = await runCli(argv, { terminal, serve });
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr(), served };
}

const COMMANDS = [
  "serve",
  "cast",
  "apply",
  "lint",
  "diff",
  "get",
  "describe",
  "delete",
  "events",
  "status",
  "service list",
  "service get",
  "service delete",
  "scale",
  "restart",
  "stop",
  "history",
  "rollout status",
  "logs",
  "exec",
  "volume list",
  "vol get",
  "volume delete",
  "volume detach",
  "volume orphans",
  "volume retry-provision",
  "storageclass list",
  "sc get",
  "storageclass create",
  "storageclass delete",
  "storageclass set-default",
  "completion",
  "install",
  "admin backup",
  "admin restore",
  "version",
  "create secret",
  "secret list",
  "secret get",
  "secret create",
  "secret delete",
  "login",
  "logout",
  "whoami",
  "context list",
  "context use",
  "context set",
  "context delete",
  "context view",
  "admin bootstrap",
  "admin user list",
  "admin user create",
  "admin user grant",
  "admin user delete",
  "admin service create",
  "admin token list",
  "admin token create",
  "admin token revoke",
  "admin policy list",
  "admin policy get",
  "admin policy set",
  "admin policy delete",
  "admin registry list",
  "admin registry set",
  "admin registry delete",
  "admin audit",
  "admin rotate-kek",
  "admin adopt-engine",
];

for (const command of COMMANDS) {
  Deno.test(`rune ${command} --help has a description and an example`, async () => {
    const { code, stdout, stderr } = await run([...command.split(" "), "--help"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /^Usage: rune .+\n\n\S.+\n/);
    assert.match(stdout, /\nExamples:\n {2}.*rune /);
    const groups = [...stdout.matchAll(/^(.*[oO]ptions):$/gm)].map(([, title]) => title);
    assert.equal(groups[0], "Options", "its own options come first, -h with them");
    assert.deepEqual(stdout.split("\n").filter((line) => line.length > 120), []);
    assert.deepEqual(await run(["help", ...command.split(" ")]), { code, stdout, stderr, served: [] });
  });
}

Deno.test("no group lists its own help command: rune help <command> serves all", async () => {
  const groups = new Set(COMMANDS.flatMap((words) => {
    const parts = words.split(" ");
    return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join(" "));
  }));
  for (const group of groups) {
    const { stdout } = await run(["help", ...group.split(" ")]);
    assert.match(stdout, /^Commands:$/m, group);
    assert.doesNotMatch(stdout, /^ {2}help\b/m, group);
  }
});

Deno.test("runCli() without arguments lists every command", async () => {
  const { code, stdout } = await run([]);
  assert.equal(code, 0);
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`\\b${command.split(" ")[0]}\\b`));
});

const USAGE: [string, RegExp][] = [
  ["gett services", /^error: unknown command 'gett'\nhint: did you mean get\?\n$/],
  ["get servicess", /^error: unknown kind "servicess"\nhint: did you mean "services"\?\n$/],
  ["get", /^error: missing required argument 'kind'\nhint: /],
  ["get leases", /^error: unknown kind "leases"\n/],
  ["get services --wach", /^error: unknown option '--wach'\nhint: did you mean --watch\?\n$/],
  ["get services -o xml", /^error: .*'xml' is invalid.*\nhint: see rune get --help\n$/],
  ["describe volumes", /^error: which of the volumes\?\nhint: name one: rune get volumes lists them\n$/],
  ["volume create v --size 1Gi --class fast", /\nhint: did you mean --storage-class\?\n$/],
  ["scale web", /^error: .*'instances'\nhint: usage: rune scale \[options\] <service> <instances> \(more/],
  ["get services -l a=b=c", /^error: "a=b=c" is not a label selector\nhint: /],
  ["get services web -A", /^error: names cannot be combined with/],
  ["get services -n No", /^error: "No" is not the name of a namespace\n/],
  ["get services --server ftp://x", /^error: "ftp:\/\/x" is not the address of a daemon\nhint: /],
  ["-o json cast x.yaml", /^error: cast does not take -o\n/],
  ["cast missing.yaml", /^error: missing.yaml does not exist\n/],
  ["cast x.yaml --timeout soon", /^error: "soon" is not a duration\n/],
  ["scale web many", /^error: "many" is not a number of instances\n/],
  ["scale web 1001", /^error: "1001" is not a number of instances\n/],
  ["logs volume/x", /^error: "volume\/x" is neither a service nor an instance\n/],
  ["logs web --grep (", /^error: "\(" is not a regular expression\n/],
  ["logs web --since yesterday", /^error: "yesterday" is not a duration\n/],
  ["exec web -it ls", /^error: "-it" is not a command\nhint: write -- before/],
  ["serve --log-level loud", /^error: .*'loud' is invalid/],
  ["version extra", /^error: too many arguments/],
  ["nosuch --help", /^error: unknown command 'nosuch'\nhint: see rune --help\n$/],
  ["-n prod nosuch -h", /^error: unknown command 'nosuch'\n/],
  ["help gett", /^error: unknown command 'gett'\nhint: did you mean get\?\n$/],
  ["volume nosuch --help", /^error: unknown command 'nosuch'\nhint: see rune volume --help\n$/],
  ["admin user nosuch --help", /^error: unknown command 'nosuch'\nhint: see rune admin user --help\n$/],
  ["ps", /^error: unknown command 'ps'\nhint: in Rune that is: rune get instances\n$/],
  ["top", /\nhint: in Rune that is: rune get instances -o wide\n$/],
  ["start web", /\nhint: in Rune that is: rune scale <service> <instances>\n$/],
  ["up", /\nhint: in Rune that is: rune cast <castfile>\n$/],
  ["scale web 3 -o json", /^error: scale does not take -o\nhint: omit it\n$/],
  ["admin user create alice --all-namespaces", /^error: admin user create does not take --all-namespaces\n/],
  ["logs web --watch", /\nhint: did you mean --follow\?\n$/],
  ["get services --follow", /\nhint: did you mean --watch\?\n$/],
  ["cast -f web.yaml", /\nhint: name the file without -f: rune cast web.yaml\n$/],
  ["get services,nosuch", /^error: unknown kind "nosuch"\n/],
  [
    "get services,volumes web",
    /^error: names need a single kind\nhint: write the kind before each name: service\/web\n$/,
  ],
  ["get service/web data", /^error: "data" is not <kind>\/<name>\n/],
  ["get all --watch", /^error: --watch follows one kind\n/],
  ["admin policy create deployer", /^error: a policy needs a name and rules\n/],
  [
    "admin policy create -f p.yaml --rule services:get",
    /^error: -f cannot be combined with --rule or --description\n/,
  ],
];

for (const [line, stderr] of USAGE) {
  Deno.test(`rune ${line} is a usage error that says what to do`, async () => {
    const got = await run(line.split(" "));
    assert.equal(got.code, 2, got.stderr);
    assert.match(got.stderr, stderr);
    assert.equal(got.stdout, "");
  });
}

Deno.test("rune serve passes its flags to the daemon", async () => {
  const { code, served } = await run([
    "serve",
    "--dev-mode",
    "--data-dir",
    "/d",
    "--http-addr",
    "127.0.0.1:1",
  ]);
  assert.equal(code, 0);
  assert.deepEqual(served, [{ devMode: true, dataDir: "/d", httpAddr: "127.0.0.1:1" }]);
});

Deno.test("rune version prints its own version without a daemon", async () => {
  const { code, stdout, stderr } = await run(["version"], { env: { RUNE_SERVER: "127.0.0.1:1" } });
  assert.equal(code, 0);
  assert.match(stdout, /^client \d+\.\d+\.\d+ \(Deno /);
  assert.match(stderr, /^server unknown: cannot reach/);
});

const list = (items: object[]) => Response.json({ items, revision: 1 });

/** A daemon with one service and one volume. */
const answerSmall: Answer = ({ method }, { pathname, searchParams }) => {
  const path = pathname.replace("/v1/namespaces/default", "");
  if (method === "GET" && path === "/services") {
    return searchParams.get("labelSelector") === "app=none"
      ? list([])
      : list([aService("web"), aService("api")]);
  }
  if (path === "/v1/services") return list([aService("web")]);
  if (path === "/services/web") return Response.json(aService("web"));
  if (path === "/volumes/data") return Response.json(aVolume("data", { state: "Bound" }));
  if (path === "/volumes") return list([aVolume("data")]);
  if (path === "/secrets") return problem("permission_denied", 403);
  if (["/instances", "/v1/instances", "/snapshots", "/configmaps"].includes(path)) return list([]);
  if (path === "/volumes/held") return Response.json(aVolume("held"));
  return problem("not_found", 404);
};

interface Golden {
  line: string;
  code: number;
  stdout?: RegExp | string;
  stderr?: RegExp | string;
}

const GOLDEN: Golden[] = [
  {
    line: "get services",
    code: 0,
    stdout:
      /^NAME +TYPE +STATUS +INSTANCES +EXTERNAL +GENERATION +AGE\napi .*\nweb +container +Running +1\/1 +- +1 /,
  },
  { line: "service list", code: 0, stdout: /^NAME +TYPE/ },
  { line: "get svc --no-headers", code: 0, stdout: /^api / },
  { line: "get services -A", code: 0, stdout: /^NAMESPACE +NAME.*\ndefault +web / },
  { line: "-A get services", code: 0, stdout: /^NAMESPACE +NAME.*\ndefault +web / },
  { line: "get services -o name", code: 0, stdout: "service/api\nservice/web\n" },
  { line: "get services -o wide", code: 0, stdout: /AGE +UP-TO-DATE +RUNS +REASON +CONFIG +LABELS\n/ },
  {
    line: "get services -l app=none",
    code: 0,
    stdout: "",
    stderr: "no services found in namespace default\n",
  },
  {
    line: "get volume data",
    code: 0,
    stdout: /^NAME: data\n(.*\n)*STATUS: Bound\n(.*\n)*HANDLE: \/volumes\/data\n/,
  },
  { line: "volume get data", code: 0, stdout: /^STATUS: Bound$/m },
  { line: "get volume data -o table", code: 0, stdout: /^NAME +CLASS.*\ndata +local +Bound/ },
  { line: "get volume data -o json", code: 0, stdout: /^\{\n {2}"kind": "volume"/ },
  { line: "get volume data -o yaml", code: 0, stdout: /^kind: volume\n/ },
  {
    line: "get volume data gone",
    code: 4,
    stdout: /^NAME.*\ndata/,
    stderr: /^error: volume gone does not exist in namespace default\nhint: /,
  },
  {
    line: "get services,volumes",
    code: 0,
    stdout: /^NAME +TYPE.*\nservice\/api .*\nservice\/web .*\n\nNAME +CLASS.*\nvolume\/data +local/,
  },
  { line: "get services,volumes -o name", code: 0, stdout: "service/api\nservice/web\nvolume/data\n" },
  { line: "get svc,vol -o json", code: 0, stdout: /^\{\n {2}"items": \[\n {4}\{\n {6}"kind": "service"/ },
  {
    line: "get all",
    code: 0,
    stdout: /^NAME +TYPE.*\nservice\/api .*\nservice\/web .*\n\nNAME +CLASS.*\nvolume\/data/,
    stderr: "skipped, because you may not list them: secrets\n",
  },
  {
    line: "get service/web volume/data",
    code: 0,
    stdout: /^NAME: web\n(.*\n)*\nNAME: data\n/,
  },
  { line: "deps web", code: 0, stdout: "default/web Running\n" },
  { line: "deps graph web", code: 0, stdout: "default/web Running\n" },
  { line: "delete volume", code: 2, stderr: /hint: to delete a volume, name it: rune delete volume <name>/ },
  { line: "delete nothing", code: 4, stderr: /^error: service nothing does not exist/ },
  { line: "logs nothing", code: 4, stderr: /^error: no service or instance is named nothing/ },
  { line: "scale nothing 2", code: 4, stderr: /^error: it is not_found\n/ },
];

for (const { line, code, stdout = "", stderr = "" } of GOLDEN) {
  Deno.test(`rune ${line} prints the expected output and exits with ${code}`, async () => {
    await withDaemon(answerSmall, async (server) => {
      const got = await run(line.split(" "), { env: { RUNE_SERVER: server } });
      assert.equal(got.code, code, got.stderr);
      for (const [found, wanted] of [[got.stdout, stdout], [got.stderr, stderr]] as const) {
        if (typeof wanted === "string") assert.equal(found, wanted);
        else assert.match(found, wanted);
      }
    });
  });
}

Deno.test("runCli() ends silently when the reader of its output is gone", async () => {
  await withDaemon(answerSmall, async (server) => {
    const terminal = fakeTerminal({ env: { RUNE_SERVER: server } });
    const { OutputClosed } = await import("./terminal/terminal.ts");
    terminal.out = () => {
      throw new OutputClosed(undefined);
    };
    const code = await runCli(["get", "services"], { terminal, serve: () => Promise.resolve() });
    assert.equal(code, 0);
    assert.equal(terminal.stderr(), "");
  });
});

Deno.test("colours appear on a terminal, and not with NO_COLOR or --no-color", async () => {
  await withDaemon(answerSmall, async (server) => {
    const size = { columns: 80, rows: 24 };
    const isPainted = async (argv: string[], env: Record<string, string> = {}) =>
      (await run(argv, { size, env: { RUNE_SERVER: server, ...env } })).stdout.includes("\x1b[");
    assert.ok(await isPainted(["get", "services"]));
    assert.ok(!await isPainted(["get", "services"], { NO_COLOR: "1" }));
    assert.ok(!await isPainted(["get", "services", "--no-color"]));
    assert.ok(!await isPainted(["--no-color", "get", "services"]));
  });
});

/** A daemon that records whether the volume was deleted. */
async function deleteVolume(argv: string[], options: FakeOptions): Promise<Run & { deleted: boolean }> {
  let deleted = false;
  let got: Run | undefined;
  await withDaemon((request, url) => {
    if (request.method !== "DELETE") return answerSmall(request, url);
    deleted = true;
    return Response.json({});
  }, async (server) => {
    got = await run(["delete", "volume", "held", "--no-wait", ...argv], {
      ...options,
      env: { RUNE_SERVER: server },
    });
  });
  return { ...got!, deleted };
}

Deno.test("rune delete asks on a terminal, says what happens to data, and follows the answer", async () => {
  const size = { columns: 80, rows: 24 };
  const no = await deleteVolume([], { size, stdin: "n\n" });
  assert.match(
    no.stderr,
    /delete volume default\/held: its data at \/volumes\/held is kept.*\nGo on\? \[y\/N\] /,
  );
  assert.deepEqual([no.deleted, no.code], [false, 1]);
  assert.ok((await deleteVolume([], { size, stdin: "y\n" })).deleted);
  const flagged = await deleteVolume(["--yes"], { size, stdin: "n\n" });
  assert.ok(flagged.deleted);
  assert.doesNotMatch(flagged.stderr, /Go on/);
});

Deno.test("rune delete never asks without a terminal", async () => {
  const { deleted, stdout, stderr } = await deleteVolume([], { stdin: "n\n" });
  assert.ok(deleted);
  assert.match(stdout, /^volume default\/held is being deleted; its data at \/volumes\/held is kept/);
  assert.equal(stderr, "");
});
