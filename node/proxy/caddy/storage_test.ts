import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { until } from "../../../tests/host.ts";
import { endCaddy } from "./caddy_process.ts";
import { caddyFiles } from "./config.ts";
import { discardParts } from "./storage.ts";
import { certificateWritten, leaveCaddy, type Room, roomTest as test, routes, signal } from "./test_room.ts";

const SITE = "certificates/local/a.local/a.local";
const AUTHORITY = "pki/authorities/local";

const emptyFile = (path: string) => Deno.truncate(path);
const halveFile = (path: string) => Deno.truncate(path, 100);
const remove = (path: string) => Deno.remove(path);
/** The key of a renewal whose certificate was not written. */
const renew = (path: string) => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return Deno.writeTextFile(path, String(privateKey.export({ type: "sec1", format: "pem" })));
};

/** Waits until a client that trusts only the authority on disk can connect. @returns that authority. */
async function shakeHands({ dir }: Room, httpsPort: number): Promise<string> {
  return await until("a.local has a certificate of the authority on disk", async () => {
    const root = await Deno.readTextFile(`${caddyFiles(dir).storage}/${AUTHORITY}/root.crt`);
    const plain = await Deno.connect({ hostname: "127.0.0.1", port: httpsPort });
    using connection = await Deno.startTls(plain, { hostname: "a.local", caCerts: [root] });
    await connection.handshake();
    return root;
  });
}

for (
  const [what, harm, file, gone] of [
    ["an empty certificate", emptyFile, `${SITE}.crt`, [SITE]],
    ["half a key", halveFile, `${SITE}.key`, [SITE]],
    ["empty metadata", emptyFile, `${SITE}.json`, [SITE]],
    ["a certificate without its key", remove, `${SITE}.key`, [SITE]],
    ["the key of its renewal alone", renew, `${SITE}.key`, [SITE]],
    ["half an intermediate certificate", halveFile, `${AUTHORITY}/intermediate.crt`, [
      `${AUTHORITY}/intermediate`,
    ]],
    ["no intermediate key", remove, `${AUTHORITY}/intermediate.key`, [`${AUTHORITY}/intermediate`]],
    ["half a root certificate", halveFile, `${AUTHORITY}/root.crt`, [`${AUTHORITY}/root`]],
    ["no root key", remove, `${AUTHORITY}/root.key`, [`${AUTHORITY}/root`]],
  ] as const
) {
  test(`a Caddy that was killed while it wrote leaves ${what}, and the next one serves anyway`, async (room) => {
    const files = caddyFiles(room.dir);
    await leaveCaddy(room);
    await certificateWritten(room);
    const before = await Deno.readTextFile(`${files.storage}/${AUTHORITY}/root.crt`);
    await endCaddy(files);
    await harm(`${files.storage}/${file}`);
    await room.open().apply(routes, signal());
    await certificateWritten(room);
    const after = await shakeHands(room, room.serving.httpsPort);
    assert.equal(after === before, gone[0] !== `${AUTHORITY}/root`, "the authority that clients trust");
    await harm(`${files.storage}/${file}`);
    assert.deepEqual(await discardParts(files), gone);
  });
}

test("apply() removes partial files although Caddy is alive, as after a full disk", async (room) => {
  const { serving } = await leaveCaddy(room);
  await emptyFile(await certificateWritten(room));
  await room.open({ serving }).apply(routes, signal());
  await certificateWritten(room);
  await shakeHands(room, serving.httpsPort);
});

test("apply() does not wait for the locks of a Caddy that was killed", async (room) => {
  const locks = `${caddyFiles(room.dir).storage}/locks`;
  await Deno.mkdir(locks, { recursive: true });
  // Caddy considers a lock abandoned some seconds after this time.
  const updated = new Date(Date.now() + 3_600_000).toISOString();
  await Deno.writeTextFile(
    `${locks}/issue_cert_a.local.lock`,
    JSON.stringify({ created: updated, updated }),
  );
  await room.open().apply(routes, signal());
  await certificateWritten(room);
});

test("discardParts() leaves alone what a living Caddy is writing", async (room) => {
  const files = caddyFiles(room.dir);
  await leaveCaddy(room);
  await certificateWritten(room);
  for (const name of [`${AUTHORITY}/root.crt`, `${SITE}.json`, `${SITE}.key`]) {
    const path = `${files.storage}/${name}`;
    const whole = await Deno.readTextFile(path);
    await Deno.truncate(path, 10);
    const discarding = discardParts(files);
    await Deno.writeTextFile(path, whole);
    assert.deepEqual(await discarding, [], name);
    assert.equal(await Deno.readTextFile(path), whole);
  }
});

Deno.test("discardParts() leaves alone complete and unknown files, and accepts a missing folder", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-proxy-" });
  try {
    const files = caddyFiles(dir);
    assert.deepEqual(await discardParts(files), []);
    const pem = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;
    const user = "acme/directory/users/ops@example.com";
    const texts = {
      [`${SITE}.crt`]: pem("CERTIFICATE") + pem("CERTIFICATE"),
      [`${SITE}.key`]: pem("EC PRIVATE KEY"),
      [`${SITE}.json`]: '{"sans":["a.local"]}',
      [`${user}/ops.key`]: pem("EC PRIVATE KEY"),
      [`${user}/ops.json`]: "{}",
      "locks/issue_cert_a.local.lock": "",
      "ocsp/a.local-12345678": "",
      "last_clean.json": "{}",
    };
    for (const [path, text] of Object.entries(texts)) {
      await Deno.mkdir(`${files.storage}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${files.storage}/${path}`, text);
    }
    assert.deepEqual(await discardParts(files), []);
    for (const path of Object.keys(texts)) assert.ok(await Deno.stat(`${files.storage}/${path}`));
    await Deno.writeTextFile(`${files.storage}/${user}/ops.json`, "");
    assert.deepEqual(await discardParts(files), [`${user}/ops`]);
    await assert.rejects(Deno.stat(`${files.storage}/${user}/ops.key`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
