/** Lists the fast tests: those beside the code that need no Docker. @module */
import { listFiles, ROOT } from "./tree.ts";

/** A test file that needs Docker says so in the `ignore` of its tests. */
const NEEDS_DOCKER = /\b(dockerHere|noDocker)\b/;

/** Their paths from the root. */
export async function listFastTests(): Promise<string[]> {
  const files = (await listFiles(ROOT)).filter((f) => f.endsWith("_test.ts") && !f.startsWith("tests/"));
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(`${ROOT}/${file}`)));
  return files.filter((_, i) => !NEEDS_DOCKER.test(texts[i]!));
}
