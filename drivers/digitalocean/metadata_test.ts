import assert from "node:assert/strict";
import { createMetadata } from "./metadata.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

const { signal } = new AbortController();

Deno.test("read() says which droplet this machine is, without a token", async () => {
  await using world = await createCloudWorld();
  // The fake fails the test if it is given a token.
  const here = await createMetadata(world.fake.metadataUrl).read(signal);
  assert.deepEqual(here, { id: String(world.droplet), hostname: "node" });
});

Deno.test("read() knows nothing if nobody answers, or something else does", async () => {
  assert.equal(await createMetadata("http://127.0.0.1:1").read(signal), undefined);
  const answers = ["<html>login</html>", "x".repeat(300), "two words", ""];
  for (const answer of answers) {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(answer),
    );
    assert.equal(await createMetadata(`http://127.0.0.1:${server.addr.port}`).read(signal), undefined);
    await server.shutdown();
  }
});
