import assert from "node:assert/strict";
import { makeService } from "../../reconcile/testing/resources.ts";
import { portsOf, warnOfForeignPorts } from "./foreign_ports.ts";

const onPort = (hostPort: number, more: object = {}) =>
  makeService({ ports: [{ port: 80 }], expose: { port: 80, hostPort, ...more } });

Deno.test("warnOfForeignPorts() names the program that listens where a service is to be published", async () => {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [warning, ...more] = await warnOfForeignPorts([onPort(port)], new Set());
  assert.match(warning!, new RegExp(`^service default/web: port ${port} of this machine is in use by `));
  assert.match(warning!, new RegExp(`pid ${Deno.pid} \\(.+\\); end that program, or choose another port$`));
  assert.deepEqual(more, []);
});

Deno.test("warnOfForeignPorts() is quiet about ports that are free, and that a service had before", async () => {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const service = onPort(port);
  try {
    assert.deepEqual(await warnOfForeignPorts([service], portsOf([service])), []);
    // A service that is stopped takes none; who names an address of the machine is asked for it at the start.
    const stopped = { ...service, spec: { ...service.spec, scale: 0 } };
    assert.deepEqual(await warnOfForeignPorts([stopped], new Set()), []);
    assert.deepEqual(await warnOfForeignPorts([onPort(port, { hostAddress: "127.0.0.1" })], new Set()), []);
  } finally {
    listener.close();
  }
  assert.deepEqual(await warnOfForeignPorts([service], new Set()), []);
});

Deno.test("portsOf() tells TCP and UDP of one number apart", () => {
  const udp = makeService({ ports: [{ port: 53, protocol: "udp" }], expose: { port: 53, hostPort: 5353 } });
  assert.deepEqual([...portsOf([udp, onPort(5353)])].sort(), ["tcp/5353", "udp/5353"]);
});
