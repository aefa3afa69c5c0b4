import assert from "node:assert/strict";
import { withDaemon } from "../../daemon_fixture.ts";
import { runCli } from "../../main.ts";
import { type FakeOptions, fakeTerminal } from "../../terminal_fixture.ts";

/** Runs `rune admin registry set ghcr.io …`. @returns also the bodies that reached the daemon. */
async function set(flags: string[], options: FakeOptions = {}) {
  const bodies: unknown[] = [];
  let result = { code: -1, stderr: "" };
  await withDaemon(async (request) => {
    bodies.push(await request.json());
    return Response.json({ match: "ghcr.io", source: "stored", credentials: "basic" });
  }, async (server) => {
    const terminal = fakeTerminal({ env: { RUNE_SERVER: server }, ...options });
    const argv = ["admin", "registry", "set", "ghcr.io", ...flags];
    const code = await runCli(argv, { terminal, serve: () => Promise.resolve() });
    result = { code, stderr: terminal.stderr() };
  });
  return { ...result, bodies };
}

Deno.test("rune admin registry set sends a secret's full name, and standard input without its line end", async () => {
  const cases: [flags: string[], stdin: string, sent: object][] = [
    [["--secret", "pull"], "", { secret: "pull.default.rune" }],
    [["--secret", "pull", "-n", "infra"], "", { secret: "pull.infra.rune" }],
    [["--secret", "pull.prod.rune", "-n", "infra"], "", { secret: "pull.prod.rune" }],
    [["--username", "u", "--password-stdin"], " p q \r\n", { username: "u", password: " p q " }],
    [["--token-stdin"], "t\n\n", { token: "t\n" }],
  ];
  for (const [flags, stdin, sent] of cases) {
    const { code, stderr, bodies } = await set(flags, { stdin });
    assert.equal(code, 0, stderr);
    assert.deepEqual(bodies, [{ match: "ghcr.io", ...sent }]);
  }
});

Deno.test("rune admin registry set refuses incomplete or double credentials, and a password from a terminal", async () => {
  const cases: [flags: string[], message: RegExp, options?: FakeOptions][] = [
    [[], /one kind of credentials/],
    [["--username", "u"], /one kind of credentials/],
    [["--password-stdin"], /one kind of credentials/, { stdin: "p" }],
    [["--secret", "pull", "--token-stdin"], /one kind of credentials/, { stdin: "t" }],
    [["--secret", "a/b"], /does not name a secret/],
    [["--token-stdin"], /token is empty/, { stdin: "\n" }],
    [["--token-stdin"], /longer than 16 KiB/, { stdin: "t".repeat(20_000) }],
    [["--token-stdin"], /this terminal would show it/, { size: { columns: 80, rows: 24 } }],
  ];
  for (const [flags, message, options] of cases) {
    const { code, stderr, bodies } = await set(flags, options);
    assert.equal(code, 2, `${flags.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
    assert.deepEqual(bodies, []);
  }
});
