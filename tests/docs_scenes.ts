/** What a reader of a page has before its first command: files, and castfiles that are cast. @module */

/** See the module. */
export interface Scene {
  /** Castfile that is cast first; `IMAGE` is an image that is here. */
  cast?: string;
  /** Files in the directory of the commands. */
  files?: Record<string, string>;
  /** Names of the reader's machine, by what this machine has instead. */
  instead?: Record<string, string>;
  /** By the first line of a block: what happens on the machine before it, a script. */
  before?: Record<string, string>;
}

/** A program that stays until it is told to end. */
const STAYS = `command: [sh, -c, "trap 'exit 0' TERM; while true; do sleep 1 & wait; done"]`;

const service = (name: string, more = "") =>
  `service:\n  name: ${name}\n  image: IMAGE\n  stopTimeout: 2s\n  ${STAYS}\n${more}---\n`;
const volume = (name: string, namespace = "default") =>
  `volume:\n  name: ${name}\n  namespace: ${namespace}\n  size: 1Gi\n  accessMode: ReadWriteOnce\n---\n`;
const CHECK = "  health: { readiness: { type: exec, command: [echo, ready] } }\n";

/** An earlier version of a service, so that there is one to go back to. */
const EARLIER = "sed 's/8080/8081/g' web.yaml | rune cast - --timeout 2m";

/** Pages with commands that need something; a page without a row needs nothing. */
export const SCENES: Record<string, Scene> = {
  "README.md": {
    before: {
      "rune cast web.yaml": `cp examples/web.yaml web.yaml; ${EARLIER}`,
      "rune status": "rune cast web.yaml; rune restart web",
    },
  },
  "docs/configuration.md": { files: { "nginx.conf": "events {}\n" } },
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
