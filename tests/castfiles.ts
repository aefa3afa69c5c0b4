/** Castfiles for tests: services that keep running, with a locally available image. @module */
import { TEST_IMAGE } from "../runners/docker/test_image.ts";
import type { Host } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const fixtures = new URL("./fixtures/", import.meta.url);

/** A shell that sleeps and exits at once on SIGTERM. */
export const SLEEP = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";

/** A fixture castfile, with a local image and a command that keeps running. */
export async function fixture(host: Host, name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(name, fixtures));
  const runs = `image: ${TEST_IMAGE}\n  command: ${JSON.stringify(["/bin/sh", "-c", SLEEP])}`;
  return await host.file(name, text.replace(/image: .*/, runs));
}

/** A container service. `more` adds fields (YAML, indented by two). */
export function containerService(name: string, more = ""): string {
  return `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: ${
    JSON.stringify(["/bin/sh", "-c", SLEEP])
  }\n${more}`;
}

/** A process service that runs a shell script. */
export function processService(name: string, more = "", script = SLEEP): string {
  return `service:\n  name: ${name}\n  process:\n    command: /bin/sh\n    args: ${
    JSON.stringify(["-c", script])
  }\n${more}`;
}

/** For tests that hold for both runners: a service `web`, and where its mounts appear. */
export const RUNNER_KINDS = [
  {
    kind: "container",
    ignore: noDocker || noRoot,
    dir: () => "/run/app",
    cast: (fields: string) => containerService("web", fields),
  },
  {
    kind: "process",
    ignore: noRoot,
    dir: (host: Host) => `${host.home}/view`,
    cast: (fields: string) => processService("web", fields),
  },
];

/** A volume on a directory of the host, followed by a document separator. */
export function hostVolume(name: string, path: string): string {
  return `volume: { name: ${name}, size: 0, accessMode: ReadWriteOnce, storageClassName: local-host, ` +
    `parameters: { hostPath: "${path}" } }\n---\n`;
}

/** A runefile that allows such volumes in a directory. */
export const allowPath = (path: string) => `storage: { hostPathAllowlist: ["${path}"] }\n`;
