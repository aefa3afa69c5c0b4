/** Castfiles for tests: services that keep running, with an image that is here. @module */
import { TEST_IMAGE } from "../runners/docker/test_image.ts";
import type { Host } from "./host.ts";

const fixtures = new URL("./fixtures/", import.meta.url);

/** A shell that sleeps and ends at once on SIGTERM. */
export const SLEEP = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";

/** A fixture castfile with an image that is here, and a command that keeps it running. */
export async function fixture(host: Host, name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(name, fixtures));
  const runs = `image: ${TEST_IMAGE}\n  command: ${JSON.stringify(["/bin/sh", "-c", SLEEP])}`;
  return await host.file(name, text.replace(/image: .*/, runs));
}

/** A container service `name`, more fields in `more` (YAML, indented by two). */
export function containerService(name: string, more = ""): string {
  return `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: ${
    JSON.stringify(["/bin/sh", "-c", SLEEP])
  }\n${more}`;
}

/** A process service `name` that runs a shell script. */
export function processService(name: string, more = "", script = SLEEP): string {
  return `service:\n  name: ${name}\n  process:\n    command: /bin/sh\n    args: ${
    JSON.stringify(["-c", script])
  }\n${more}`;
}
