/** A host with volumes on which the daemon is killed, and what must hold in the end. @module */
import { ensureTestImage } from "../../runners/docker/test_image.ts";
import { type Host, startHost } from "../host.ts";
import { KILLS, SEED } from "./random.ts";
import { assertAllCanGo, assertConverged, castVolumes } from "./world.ts";

/** Runs a test on a host with volumes, and checks that everything can be deleted at the end. */
export async function withWorld(test: (host: Host, marker: string) => Promise<void>): Promise<void> {
  console.log(`RUNE_SEED=${SEED} RUNE_KILLS=${KILLS} repeats this run`);
  await ensureTestImage();
  const shared = await Deno.makeTempDir({ prefix: "rune-test-shared-" });
  const marker = crypto.randomUUID();
  try {
    await using host = await startHost({ runefile: `storage: { hostPathAllowlist: ["${shared}"] }\n` });
    await castVolumes(host, shared);
    await test(host, marker);
    await assertConverged(host, marker);
    await assertAllCanGo(host, { marker, shared });
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
}
