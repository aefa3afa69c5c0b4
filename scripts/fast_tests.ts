/** Which tests are fast: those beside the code that need no Docker. @module */
import { listFiles, ROOT } from "./tree.ts";

/** How a test file shows that it needs Docker: the condition of its tests' `ignore`. */
const NEEDS_DOCKER = /\b(dockerHere|noDocker)\b/;

/** Their files, by their paths in the tree. */
export async function listFastTests(): Promise<string[]> {
  const files = (await listFiles(ROOT)).filter((f) => f.endsWith("_test.ts") && !f.startsWith("tests/"));
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(`${ROOT}/${file}`)));
  return files.filter((_, i) => !NEEDS_DOCKER.test(texts[i]!));
}
