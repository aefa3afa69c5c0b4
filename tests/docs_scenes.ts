/** The setting before the first command of a documentation page: files, and castfiles to cast. @module */

/** See the module. */
export interface Scene {
  /** A castfile to cast first; `IMAGE` is replaced by a local image. */
  cast?: string;
  /** Files in the directory of the commands. */
  files?: Record<string, string>;
  /** Replacements for names of the reader's machine. */
  instead?: Record<string, string>;
  /** The machine is a droplet of a fake of DigitalOcean. */
  droplet?: true;
  /** Scripts to run before a block, by its first line. */
  before?: Record<string, string>;
}

/** A program that runs until it is stopped. */
const STAYS = `command: [sh, -c, "trap 'exit 0' TERM; while true; do sleep 1 & wait; done"]`;

const service = (name: string, more = "") =>
  `service:\n  name: ${name}\n  image: IMAGE\n  stopTimeout: 2s\n  ${STAYS}\n${more}---\n`;
const volume = (name: string, namespace = "default") =>
  `volume:\n  name: ${name}\n  namespace: ${namespace}\n  size: 1Gi\n  accessMode: ReadWriteOnce\n---\n`;
const CHECK = "  health: { readiness: { type: exec, command: [echo, ready] } }\n";

/** An earlier version of a service, as the target of a rollback. */
const EARLIER = "sed 's/8080/8081/g' web.yaml | rune cast - --timeout 2m";

/** Pages whose commands need a setting; other pages need none. */
export const SCENES: Record<string, Scene> = {
  "README.md": {
    before: {
      "rune cast web.yaml": `cp examples/web.yaml web.yaml; ${EARLIER}`,
      "rune status": "rune cast web.yaml; rune restart web",
    },
  },
  "docs/configuration.md": { files: { "nginx.conf": "events {}\n" } },
  "docs/digitalocean.md": { droplet: true },
  "docs/health.md": { cast: service("api", CHECK) },
  "docs/operations.md": { cast: volume("pgdata", "prod") + volume("media", "prod") },
  "docs/process-services.md": { instead: { "user: agent": "user: nobody" } },
  "docs/services.md": {
    cast: service("redis") + service("api", "  dependencies: [{ name: redis }]\n") + service("web"),
    files: { names: "localhost\nlocalhost\n", "web.yaml": service("web").replace("1 & wait", "2 & wait") },
    before: {
      "rune rollout status web": "rune cast web.yaml; rune scale web 2; rune cast web.yaml --force",
      "rune get instances": "rune scale api 1; rune restart api",
      "rune get services -n shop":
        "printf 'configmap: { name: c, data: {} }' | rune cast - -n shop; rune configmap delete c -n shop",
    },
  },
  "docs/snapshots.md": { cast: volume("pgdata-postgres-0", "prod") },
  "docs/storage.md": {
    files: { "fast.yaml": "storageClass: { name: fast, driver: local }\n" },
    before: {
      "rune volume delete": "rune volume create web-data --size 1Gi --reclaim-policy delete || true",
    },
  },
  "docs/troubleshooting.md": { cast: service("web"), before: { "rune status": "rune restart web" } },
};
