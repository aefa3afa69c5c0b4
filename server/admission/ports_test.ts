import assert from "node:assert/strict";
import { checkPorts } from "./ports.ts";
import { parseService } from "./world_fixture.ts";

const reserved = [{ port: 7861, usedBy: "the daemon's own API" }];
const spec = (more: object, scale = 1) =>
  parseService({ image: "img:1", scale, ports: [{ port: 80 }], expose: { port: 80, ...more } });
const addresses = (issues: { path: (string | number)[]; message: string }[]) =>
  issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

Deno.test("checkPorts() refuses a port that the daemon needs, and says whose it is", () => {
  assert.deepEqual(addresses(checkPorts(spec({ hostPort: 7861 }), { reserved })), [
    "expose.hostPort: port 7861 of this machine belongs to the daemon's own API",
  ]);
  assert.deepEqual(checkPorts(spec({ hostPort: 7862 }), { reserved }), []);
});

Deno.test("checkPorts() leaves UDP and services that are stopped alone", () => {
  const udp = parseService({
    image: "img:1",
    ports: [{ port: 53, protocol: "udp" }],
    expose: { port: 53, hostPort: 7861 },
  });
  assert.deepEqual(checkPorts(udp, { reserved }), []);
  assert.deepEqual(checkPorts(spec({ hostPort: 7861, hostAddress: "203.0.113.9" }, 0), { reserved }), []);
});

Deno.test("checkPorts() refuses an address that this machine does not have, and names those that it has", () => {
  const [issue, ...more] = checkPorts(spec({ hostPort: 1024, hostAddress: "203.0.113.9" }), { reserved });
  assert.equal(issue!.message, "this machine has no address 203.0.113.9");
  assert.deepEqual([issue!.path, more], [["expose", "hostAddress"], []]);
  assert.match(issue!.hint!, /choose one of .*127\.0\.0\.1/);
  for (const hostAddress of ["127.0.0.1", "0.0.0.0", "::", "::1"]) {
    assert.deepEqual(checkPorts(spec({ hostPort: 1024, hostAddress }), { reserved }), [], hostAddress);
  }
});

Deno.test("checkPorts() publishes in dev mode on loopback alone", () => {
  const publishOn = "127.0.0.1";
  const [issue] = checkPorts(spec({ hostPort: 1024, hostAddress: "0.0.0.0" }), { reserved, publishOn });
  assert.equal(issue!.message, "in dev mode ports are published on 127.0.0.1 only, found 0.0.0.0");
  assert.match(issue!.hint!, /--dev-mode/);
  assert.deepEqual(
    checkPorts(spec({ hostPort: 1024, hostAddress: "127.0.0.1" }), { reserved, publishOn }),
    [],
  );
});
