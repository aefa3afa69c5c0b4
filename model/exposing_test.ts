import assert from "node:assert/strict";
import { checkSet } from "./checks.ts";
import { parseDeclared } from "./declared.ts";
import { exposedPort, externalAddress, hostPortOf } from "./exposing.ts";
import { templateOf } from "./instance.ts";
import type { ServiceSpec } from "./service.ts";

const ports = [{ name: "http", port: 8080 }, { name: "dns", port: 53, protocol: "udp" }];
const parse = (fields: Record<string, unknown>, name = "web") =>
  parseDeclared("service", { name, ports, ...fields }, { namespace: "default" });
function declare(fields: Record<string, unknown>, name?: string) {
  const result = parse({ image: "a:1", ...fields }, name);
  if ("issues" in result) throw new Error(JSON.stringify(result.issues));
  if (result.declared.kind !== "service") throw new Error("not a service");
  return result.declared;
}
const specOf = (fields: Record<string, unknown>) => declare(fields).spec as ServiceSpec;
const issueOf = (fields: Record<string, unknown>) => {
  const result = parse({ image: "a:1", ...fields });
  return "issues" in result ? result.issues.map((i) => `${i.path.join(".")}: ${i.message}`).join() : "";
};
const process = { image: undefined, process: { command: "sleep" } };

Deno.test("exposedPort() finds a port by name or by number, with its protocol", () => {
  const port = (expose: unknown) => exposedPort(specOf({ expose }));
  assert.deepEqual(port({ port: "http" }), { port: 8080, protocol: "tcp" });
  assert.deepEqual(port({ port: 53 }), { port: 53, protocol: "udp" });
  assert.deepEqual(port({ port: 99 }), { port: 99, protocol: "tcp" });
  assert.equal(port(undefined), undefined);
});

Deno.test("hostPortOf() is hostPort, or the port itself if there is no host name either; a process always has one", () => {
  const port = (expose: unknown, more = {}) => hostPortOf(specOf({ expose, ...more }))?.hostPort;
  assert.equal(port({ port: "http" }), 8080);
  assert.equal(port({ port: "http", hostPort: 80 }), 80);
  assert.equal(port({ port: "http", host: "a.local" }), undefined);
  assert.equal(port({ port: "http", host: "a.local", hostPort: 80 }), 80);
  assert.equal(port({ port: "http", host: "a.local" }, process), 8080);
});

Deno.test("expose.host is a host name: lower case, no scheme, port, path, address, wildcard or udp port", () => {
  assert.equal(specOf({ expose: { port: 1, host: "Api.Local" } }).expose!.host, "api.local");
  for (
    const host of [
      "http://a.local",
      "a.local:80",
      "a.local/x",
      "10.0.0.1",
      "*.a.local",
      "-a",
      "a..b",
      "a_b",
      "",
    ]
  ) {
    assert.match(issueOf({ expose: { port: 1, host } }), /^expose\.host: expected a host name/, host);
  }
  assert.match(issueOf({ expose: { port: "dns", host: "a.local" } }), /^expose\.host: .*port 53 is udp/);
  assert.match(
    issueOf({ expose: { port: "htp" } }),
    /^expose\.port: no port is named "htp"; known: http, dns/,
  );
});

Deno.test("a process cannot have another port on the machine than its own", () => {
  assert.match(issueOf({ ...process, expose: { port: 1, hostPort: 2 } }), /^expose\.hostPort: .*expected 1/);
  assert.equal(issueOf({ ...process, expose: { port: 1, hostPort: 1 } }), "");
});

Deno.test("templateOf() keeps the published port and drops the host name, so a new name restarts nothing", () => {
  const template = (expose: unknown) => templateOf(specOf({ expose })).expose;
  assert.deepEqual(template({ port: "http" }), { port: "http", hostPort: 8080 });
  assert.equal(template({ port: "http", host: "a.local" }), undefined);
  assert.deepEqual(templateOf(specOf({ expose: { port: 1, host: "a.local" } })), templateOf(specOf({})));
});

Deno.test("checkSet() refuses a host port for more than one instance, and allows a name any number", () => {
  const [issue] = checkSet([declare({ scale: 3, expose: { port: "http" } })]);
  assert.deepEqual(issue!.path, ["scale"]);
  assert.match(`${issue!.message}; ${issue!.hint}`, /expected scale 1, found 3; .*expose\.host/);
  assert.match(
    checkSet([declare({ scale: 3, expose: { port: 1, host: "a.local", hostPort: 2 } })])[0]!.hint!,
    /remove/,
  );
  assert.deepEqual(checkSet([declare({ scale: 3, expose: { port: "http", host: "a.local" } })]), []);
});

Deno.test("checkSet() refuses one name, or one port of the machine, for two services, naming the other", () => {
  const check = (one: unknown, two: unknown, more = {}) =>
    checkSet([declare({ expose: one }, "one"), declare({ expose: two, ...more }, "two")])
      .map((i) => `${i.resource} ${i.path.join(".")}: ${i.message}`).join();
  assert.match(
    check({ port: 1, host: "a.local" }, { port: 2, host: "A.local" }),
    /^1 expose\.host: host name "a\.local" is exposed by service default\/one$/,
  );
  assert.match(
    check({ port: 1 }, { port: 2, hostPort: 1 }),
    /^1 expose\.hostPort: port 1 .* service default\/one$/,
  );
  assert.match(check({ port: 8080 }, { port: "http" }), /^1 expose\.port: port 8080 /);
  assert.equal(check({ port: "dns" }, { port: 1, hostPort: 53 }), "", "tcp and udp are two ports");
  assert.equal(check({ port: 1 }, { port: 1 }, { scale: 0 }), "", "a stopped service needs no port");
});

Deno.test("checkSet() refuses one port for two services, exposed or declared by a process", () => {
  const check = (one: Record<string, unknown>, two: Record<string, unknown>) =>
    checkSet([declare(one, "one"), declare(two, "two")]).map((i) => `${i.path.join(".")}: ${i.message}`)
      .join();
  const http = { ports: [{ name: "http", port: 80 }, { name: "more", port: 81 }] };
  const published = { expose: { port: 1, hostPort: 81 } };
  assert.match(
    check({ ...process, ...http }, published),
    /^expose\.hostPort: port 81 .* belongs to a process of service default\/one$/,
  );
  assert.match(check(published, { ...process, ...http }), /^ports\.1\.port: port 81 .* exposed by .*\/one$/);
  assert.match(
    check({ ...process, ...http }, { ...process, ...http, expose: { port: 80 } }),
    /^expose\.port: port 80 /,
  );
  assert.equal(check({ ...process, ...http }, { ...http, expose: { port: "http", host: "a.local" } }), "");
  assert.equal(check({ ...process, ...http, scale: 0 }, published), "");
});

Deno.test("checkSet() allows two services one port on different addresses", () => {
  const check = (one?: string, two?: string) =>
    checkSet(
      [one, two].map((hostAddress, i) =>
        declare({ expose: { port: 1, ...hostAddress !== undefined && { hostAddress } } }, `s${i}`)
      ),
    ).length;
  assert.equal(check("127.0.0.1", "10.0.0.1"), 0);
  for (const all of [undefined, "0.0.0.0", "::"]) assert.equal(check("127.0.0.1", all), 1, all);
  assert.equal(check("127.0.0.1", "127.0.0.1"), 1);
  assert.equal(check("::1", "0:0:0:0:0:0:0:1"), 1);
});

Deno.test("expose.hostAddress is an address, and only for a container's published port", () => {
  const template = templateOf(specOf({ expose: { port: 1, hostAddress: "127.0.0.1" } }));
  assert.deepEqual(template.expose, { port: 1, hostPort: 1, hostAddress: "127.0.0.1" });
  for (const hostAddress of ["localhost", "1.2.3", "10.0.0.0/8", "*", ""]) {
    assert.match(
      issueOf({ expose: { port: 1, hostAddress } }),
      /^expose\.hostAddress: expected an IP address/,
    );
  }
  assert.match(
    issueOf({ expose: { port: 1, host: "a.local", hostAddress: "127.0.0.1" } }),
    /^expose\.hostAddress: no port of this machine is published/,
  );
  assert.match(
    issueOf({ ...process, expose: { port: 1, hostAddress: "127.0.0.1" } }),
    /^expose\.hostAddress: a process opens its own port/,
  );
});

Deno.test("externalAddress() shows the host name, or the machine's port", () => {
  const address = (expose: unknown, exposure?: { host: string; urls: string[] }) =>
    externalAddress({ spec: specOf({ expose }), status: { exposure } }, "box");
  const named = { port: 1, host: "a.local" };
  assert.equal(address(undefined), undefined);
  assert.equal(address({ port: 1 }), "box:1");
  assert.equal(address(named), "a.local");
  assert.equal(
    address(named, { host: "a.local", urls: ["http://a.local", "https://a.local"] }),
    "http://a.local",
  );
  assert.equal(address(named, { host: "a.local", urls: ["http://a.local:7880"] }), "http://a.local:7880");
  assert.equal(address(named, { host: "old.local", urls: ["http://old.local:7880"] }), "a.local");
});

Deno.test("externalAddress() shows only bound ports, with their protocol", () => {
  const address = (
    expose: unknown,
    { published, urls, more }: { published?: string[]; urls?: string[]; more?: Record<string, unknown> },
  ) => {
    const exposure = urls && { host: "a.local", urls };
    return externalAddress({ spec: specOf({ expose, ...more }), status: { exposure, published } }, "box");
  };
  const named = { port: 1, host: "a.local" };
  assert.equal(address({ port: 1 }, { published: ["0.0.0.0:1/tcp", "[::]:1/tcp"] }), "0.0.0.0:1/tcp");
  assert.equal(address({ port: 1 }, { published: ["127.0.0.1:1/udp"] }), "127.0.0.1:1/udp");
  assert.equal(address({ port: 1 }, { published: ["[::]:1/tcp"] }), "[::]:1/tcp");
  assert.equal(address({ port: 1 }, { published: [] }), undefined);
  assert.equal(address({ port: 1 }, { more: process }), "box:1/tcp");
  assert.equal(address(named, { urls: [] }), undefined);
  assert.equal(
    address({ ...named, hostPort: 2 }, { urls: ["http://a.local:7880"], published: ["0.0.0.0:2/tcp"] }),
    "http://a.local:7880,0.0.0.0:2/tcp",
  );
});
