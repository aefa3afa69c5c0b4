import assert from "node:assert/strict";
import { makeDriverSettings } from "../../drivers/testing/settings.ts";
import { RuneError } from "../../model/error.ts";
import { buildDrivers } from "../../drivers/registry.ts";
import { nodeDrivers } from "../../node/testing/drivers.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { grantOf } from "./grants.ts";
import { parseRunefile } from "../daemon/runefile.ts";
import { volume, withServer } from "../api/server_fixture.ts";

const parse = (text: string, file = "r.yaml") => parseRunefile(text, { file, env: () => undefined });

Deno.test("grants keep the spelling of namespaces, and accept their keys in three spellings", () => {
  const { grants } = parse(`
grants:
  "*": { users: [backup] }
  my-shop: { host-ports: [80, "8000-8100", "443"], seccomp_profiles: [/etc/rune/a.json], hostPaths: [/srv/], users: [70] }
  node-labels: { groups: [disk] }
`);
  assert.deepEqual(Object.keys(grants), ["*", "my-shop", "node-labels"]);
  assert.deepEqual(grantOf(grants, "my-shop"), {
    users: ["backup", "70"],
    groups: [],
    hostPaths: ["/srv"],
    hostPorts: [{ from: 80, to: 80 }, { from: 8000, to: 8100 }, { from: 443, to: 443 }],
    seccompProfiles: ["/etc/rune/a.json"],
  });
  assert.deepEqual(grantOf(grants, "other").users, ["backup"]);
  assert.deepEqual(grantOf(grants, "constructor").groups, []);
  const toml = parse('[grants."*"]\nusers = ["backup"]\n[grants.my-shop]\nhost-ports = [80]\n', "r.toml");
  assert.deepEqual(grantOf(toml.grants, "my-shop").hostPorts, [{ from: 80, to: 80 }]);
});

Deno.test("grants that make no sense are refused with their position", () => {
  const wrong: [string, RegExp][] = [
    ["grants: { Shop: {} }", /r\.yaml:1:11: grants/],
    ["grants: { shop: { user: [a] } }", /users/],
    ["grants: { shop: { users: [root] } }", /services\.privileged/],
    ["grants: { shop: { users: [0] } }", /services\.privileged/],
    ['grants: { shop: { users: ["00"] } }', /begins with a letter/],
    ["grants: { shop: { users: [4294967295] } }", /4294967294/],
    ["grants: { shop: { hostPorts: [0] } }", /1 to 65535/],
    ['grants: { shop: { hostPorts: ["9-8"] } }', /smaller one first/],
    ['grants: { shop: { hostPorts: ["8000-70000"] } }', /1 to 65535/],
    ["grants: { shop: { hostPorts: [ssh] } }", /a range such as/],
    ["grants: { shop: { hostPaths: [srv] } }", /absolute path/],
    ["grants: { shop: { hostPaths: [/srv/../etc] } }", /absolute path/],
    ["grants: { shop: { seccompProfiles: [unconfined] } }", /absolute path/],
  ];
  for (const [text, expected] of wrong) {
    assert.throws(
      () => parse(text),
      (e) => e instanceof RuneError && expected.test(`${e.message} ${e.hint}`),
      text,
    );
  }
});

Deno.test("a granted host path can be a volume of its namespace only, right after a reload", () =>
  withServer(async ({ deps, cast, hostDir }) => {
    const storage = makeDriverSettings(hostDir, {
      ...{ localVolumeRoot: `${hostDir}/v`, hostPathAllowlist: [`${hostDir}/all`], allowCreateMissing: true },
    });
    const granted = parse(
      `grants: { shop: { hostPaths: ["${hostDir}/shop"] }, "*": { hostPaths: ["${hostDir}/any"] } }`,
    );
    let { grants } = granted;
    const built = buildDrivers(storage, {
      dataDir: `${hostDir}/data`,
      grantedPaths: (namespace) => grantOf(grants, namespace).hostPaths,
    });
    const drivers = nodeDrivers([...built.all.values()]);
    Object.assign(deps, { drivers, nodes: makeNodes({ drivers }) });
    const refusal = async (namespace: string, directory: string) => {
      const parameters = { hostPath: `${hostDir}/${directory}/x` };
      const answer = await cast([volume("v", { namespace, storageClassName: "local-host", parameters })], {
        dryRun: true,
      });
      const { hint } = await answer.json();
      return answer.status === 200 ? "" : hint;
    };
    for (const directory of ["shop", "any", "all"]) assert.equal(await refusal("shop", directory), "");
    assert.match(await refusal("other", "shop"), /to grants\.other\.hostPaths for this namespace only/);
    assert.equal(await refusal("other", "any"), "");
    grants = {};
    built.configure(storage);
    assert.match(await refusal("shop", "shop"), /grants\.shop\.hostPaths/);
    assert.equal(await refusal("shop", "all"), "");
  }));
