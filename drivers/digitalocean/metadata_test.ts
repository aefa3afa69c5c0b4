import assert from "node:assert/strict";
import { createMetadata } from "./metadata.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

Deno.test("read() says which droplet this machine is, without a token", async () => {
  await using world = await createCloudWorld();
  // The fake fails the test if it is given a token.
  const here = await createMetadata(world.fake.metadataUrl).read();
  assert.deepEqual(here, { id: world.droplet, hostname: "node" });
});

Deno.test("read() knows nothing if nobody answers, or something else does", async () => {
  assert.equal(await createMetadata("http://127.0.0.1:1").read(), undefined);
  const answers = ["<html>login</html>", "1".repeat(300), "two words", "", "4711a", "-1"];
  for (const answer of answers) {
    await withService(() => new Response(answer), async (url) => {
      assert.equal(await createMetadata(url).read(), undefined);
    });
  }
  await withService(() => new Response("4711", { status: 500 }), async (url) => {
    assert.equal(await createMetadata(url).read(), undefined);
  });
});

Deno.test("read() reads no more of an answer than an identity has", async () => {
  let cancelled = false;
  const endless = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1 << 10).fill(0x31)),
      cancel: () => void (cancelled = true),
    });
  await withService(() => new Response(endless()), async (url) => {
    assert.equal(await createMetadata(url).read(), undefined);
  });
  assert.ok(cancelled);
});

Deno.test("read() asks once for many callers, again if nothing answered, and no more when it knows", async () => {
  const asked: string[] = [];
  let silent = true;
  const answer = ({ url }: Request) => {
    asked.push(new URL(url).pathname);
    return silent ? new Response("no", { status: 404 }) : new Response(url.endsWith("/id") ? "4711" : "web");
  };
  await withService(answer, async (url) => {
    const metadata = createMetadata(url);
    assert.deepEqual(await Promise.all([metadata.read(), metadata.read()]), [undefined, undefined]);
    assert.equal(asked.length, 1);
    silent = false;
    const here = { id: 4711, hostname: "web" };
    assert.deepEqual(await Promise.all([metadata.read(), metadata.read()]), [here, here]);
    assert.equal(asked.length, 3);
    // Whoever silences the service later wins nothing.
    silent = true;
    assert.deepEqual(await metadata.read(), here);
    assert.equal(asked.length, 3);
  });
});

async function withService(
  answer: (request: Request) => Response,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  try {
    await work(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}
