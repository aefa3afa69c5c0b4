/** Strays of earlier daemons, with real Caddies. @module */
import assert from "node:assert/strict";
import { isAlive } from "./caddy_process.ts";
import { caddyFiles } from "./config.ts";
import { endCaddy } from "./caddy_process.ts";
import { listeningInodes } from "../../../base/port_holder.ts";
import { findRunningCaddies, findStrayCaddies } from "./strays.ts";
import { makeRoom, roomTest as test, routes, signal } from "./test_room.ts";

/** Unique ids of daemons, so that another run of these tests does not end our Caddys. */
const DAEMON = `a-${crypto.randomUUID()}`;
const OTHER = `b-${crypto.randomUUID()}`;

const pidIn = async (dir: string) => (await findRunningCaddies()).find((caddy) => caddy.dir === dir)?.pid;

for (
  const [marked, daemonId] of [["with its id", DAEMON], ["of an earlier version", undefined]] as const
) {
  test(`apply() ends a Caddy ${marked} whose directory was moved away, and has its ports`, async (room) => {
    const first = room.open(daemonId === undefined ? {} : { daemonId });
    await first.apply(routes, signal());
    first.close();
    const moved = `${room.dir}.lost`;
    await Deno.rename(room.dir, moved);
    const old = await pidIn(moved);
    assert.ok(old);
    try {
      const next = room.open({ daemonId: DAEMON });
      await next.apply(routes, signal());
      assert.equal(await pidIn(moved), undefined);
      assert.ok(await pidIn(room.dir));
    } finally {
      await endCaddy(caddyFiles(moved));
    }
  });
}

test("apply() ends a Caddy of the same daemon in another folder even if there is nothing to serve", async (room) => {
  await room.open({ daemonId: DAEMON }).apply(routes, signal());
  await using other = await makeRoom();
  await other.open({ daemonId: DAEMON }).apply([], signal());
  assert.equal(isAlive(caddyFiles(room.dir)), false);
});

test("apply() leaves a Caddy of another daemon alone, and says which process has the port", async (room) => {
  await room.open({ daemonId: DAEMON }).apply(routes, signal());
  const pid = await pidIn(room.dir);
  await using other = await makeRoom();
  const refused = await other.open({ daemonId: OTHER, serving: room.serving }).apply(routes, signal())
    .then(() => undefined, (error) => error);
  assert.match(refused.message, new RegExp(`in use by pid ${pid} \\(caddy run --config boot\\.json\\)`));
  assert.match(refused.hint, new RegExp(`the Caddy of the Rune daemon with the files in ${room.dir}:`));
  assert.equal(refused.hint.includes("systemctl"), false);
  assert.equal(await pidIn(room.dir), pid);
  assert.deepEqual(await findStrayCaddies({ daemonId: OTHER, files: caddyFiles(other.dir) }), []);
});

test("apply() names only the program of a process that is no Caddy", async (room) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: room.serving.httpPort });
  const refused = await room.open().apply(routes, signal()).then(() => undefined, (error) => error);
  assert.equal(listener.addr.port, room.serving.httpPort);
  assert.match(refused.message, new RegExp(`in use by pid ${Deno.pid} \\(deno\\)`));
  assert.match(refused.hint, new RegExp(`^stop it \\(kill ${Deno.pid}\\), or set expose\\.httpPort`));
});

Deno.test("listeningInodes() finds listeners of a port, but no clients", () => {
  const table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
    "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0\n" +
    "   1: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0\n" +
    "   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0\n";
  assert.deepEqual(listeningInodes(table, 80), ["111"]);
  assert.deepEqual(listeningInodes(table, 8080), ["333"]);
  assert.deepEqual(listeningInodes("", 80), []);
});
