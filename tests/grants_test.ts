/**
 * Tests with the real program, as root and with tokens, that a service account of one namespace gets exactly
 * the granted rights on the host.
 * @module
 */
import assert from "node:assert/strict";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

/** A process that prints who it is, and stays. */
const sayer = (name: string, context: string) =>
  `service:
  name: ${name}
  process: { command: /bin/sh, args: ["-c", "grep -E '^(Uid|Gid|Groups|NoNewPrivs)' /proc/self/status; exec sleep 600"] }
  securityContext: { ${context} }
`;

/** What the process of a service printed about itself. */
async function readIdentity(host: Host, name: string): Promise<Record<string, string[]>> {
  const read = async () => (await host.run(["logs", name, "-n", "shop"])).stdout;
  await until(`${name} says who it is`, async () => (await read()).includes("NoNewPrivs"));
  const lines = (await read()).split("\n").map((line) => /(Uid|Gid|Groups|NoNewPrivs):\s*(.*)$/.exec(line))
    .filter((match) => match !== null);
  return Object.fromEntries(lines.map(([, key, values]) => [key!, values!.trim().split(/\s+/)]));
}

async function setUp(host: Host): Promise<void> {
  const file = `${host.home}/root.token`;
  await host.rune("admin", "bootstrap", "--out-file", file);
  await host.rune("login", "local", "--token-file", file);
  await host.rune("admin", "service", "create", "ci", "-n", "shop", "--policy", "cast");
  await host.rune("admin", "token", "create", "ci", "--out-file", `${host.home}/ci.token`);
}

Deno.test({
  name: "a process runs as the granted user, by the numbers that were checked; dynamic needs no grant",
  ignore: noRoot,
  async fn() {
    const guarded = "auth: { enabled: true }\n";
    await using host = await startHost({ runefile: guarded });
    await setUp(host);
    const cast = async (text: string) => {
      const file = await host.file("s.yaml", text);
      return await host.run(["cast", file, "-n", "shop", "--token-file", `${host.home}/ci.token`]);
    };
    for (const name of ["one", "two"]) {
      const made = await cast(sayer(name, "user: dynamic"));
      assert.equal(made.code, 0, made.stderr);
    }
    const [one, two] = [await readIdentity(host, "one"), await readIdentity(host, "two")];
    const id = Number(one.Uid![0]);
    assert.ok(id >= 61_184 && id <= 65_519, one.Uid!.join());
    assert.deepEqual([one.Uid, one.Gid], [Array(4).fill(`${id}`), Array(4).fill(`${id}`)]);
    assert.notEqual(two.Uid![0], one.Uid![0]);
    assert.match((await cast(sayer("one", "user: dynamic"))).stdout, /unchanged/);
    const diff = await host.run(["diff", `${host.home}/s.yaml`, "-n", "shop"]);
    assert.equal(diff.stdout.includes("identity"), false, diff.stdout);

    const refusals: [context: string, hint: RegExp][] = [
      ["user: nobody", /grants: \{ shop: \{ users: \[nobody\] \} \}/],
      ["user: 65534", /users: \[65534\]/],
      ["user: dynamic, group: disk", /groups: \[disk\]/],
      ["user: root", /services\.privileged/],
      ["user: 4294967296", /4294967294/],
      ['user: "00"', /id from 0/],
    ];
    for (const [context, hint] of refusals) {
      const refused = await cast(sayer("other", context));
      assert.notEqual(refused.code, 0, context);
      assert.match(refused.stderr, hint);
    }
    await host.file("runefile.yaml", `${guarded}grants: { shop: { users: [nobody] } }\n`);
    Deno.kill(host.daemon.pid, "SIGHUP");
    await until(
      "the grants are taken over",
      async () => (await Deno.readTextFile(`${host.home}/daemon.log`)).includes("reloaded grants"),
    );
    const granted = await cast(sayer("other", "user: nobody"));
    assert.equal(granted.code, 0, granted.stderr);
    assert.deepEqual((await readIdentity(host, "other")).Uid, Array(4).fill("65534"));

    await host.rune("delete", "one", "-n", "shop", "--yes");
    await until(
      "it is gone",
      async () => (await host.run(["get", "service", "one", "-n", "shop"])).code === 4,
    );
    assert.equal((await cast(sayer("one", "user: dynamic"))).code, 0);
    assert.deepEqual((await readIdentity(host, "one")).Uid, one.Uid);
  },
});
