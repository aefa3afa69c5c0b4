import assert from "node:assert/strict";
import { authHeader, longestMatch, matchesRepository, repositoryOf } from "./registry_auth.ts";

Deno.test("repositoryOf() names repositories in full, as Docker reads them", () => {
  const table: Record<string, string> = {
    nginx: "docker.io/library/nginx",
    "owner/app": "docker.io/owner/app",
    "index.docker.io/owner/app": "docker.io/owner/app",
    "ghcr.io/owner/app": "ghcr.io/owner/app",
    "localhost/app": "localhost/app",
    "host:5000/a/b:2": "host:5000/a/b",
  };
  for (const [name, expected] of Object.entries(table)) assert.equal(repositoryOf(name), expected);
});

Deno.test("longestMatch() lets the longest pattern that covers a repository win", () => {
  const entries = ["ghcr.io", "ghcr.io/team/*", "ghcr.io/team/app", "*.example.com", "docker.io", "host:5000"]
    .map((match) => ({ match }));
  const table: Record<string, string | undefined> = {
    "ghcr.io/other/app": "ghcr.io",
    "ghcr.io/team/web": "ghcr.io/team/*",
    "ghcr.io/team/app": "ghcr.io/team/app",
    "ghcr.io/teams/app": "ghcr.io",
    "a.example.com/x": "*.example.com",
    "example.com/x": undefined,
    "docker.io/library/nginx": "docker.io",
    "host:5000/x": "host:5000",
    "host:50001/x": undefined,
    "ghcrXio/x": undefined,
  };
  for (const [repository, match] of Object.entries(table)) {
    assert.equal(longestMatch(entries, repository)?.match, match, repository);
  }
  const tie = [{ match: "ghcr.io", at: 1 }, { match: "ghcr.io", at: 2 }];
  assert.equal(longestMatch(tie, "ghcr.io/a")?.at, 1);
});

Deno.test("matchesRepository() matches a star with any text within a part, in linear time", () => {
  const table: [pattern: string, repository: string, covered: boolean][] = [
    ["*", "ghcr.io/a", true],
    ["a*a.io", "a.io/x", false],
    ["a*a.io", "aa.io/x", true],
    ["*.b.*.io", "a.b.c.io/x", true],
    ["*.b.*.io", "a.b.io/x", false],
    ["ghcr.io/t*m/*-web", "ghcr.io/team/a-web", true],
    ["ghcr.io/t*m/*-web", "ghcr.io/team/web", false],
    ["ghcr.io/*/web", "ghcr.io/web", false],
    [`${"*a".repeat(60)}*b`, `${"a".repeat(250)}/x`, false],
  ];
  for (const [pattern, repository, covered] of table) {
    assert.equal(matchesRepository(pattern, repository), covered, `${pattern} ${repository}`);
  }
});

Deno.test("authHeader() is base64url of what the Engine expects, for a password and for a token", () => {
  const read = (text: string) => JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  const server = "ghcr.io";
  const basic = authHeader({ server, username: "ü", password: "??>>~~" });
  assert.match(basic, /^[\w=-]+$/);
  const bytes = Uint8Array.from(
    atob(basic.replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
    username: "ü",
    password: "??>>~~",
    serveraddress: server,
  });
  assert.deepEqual(read(authHeader({ server, token: "t" })), {
    registrytoken: "t",
    serveraddress: server,
  });
});
