/**
 * What the fault tests cast: services that tell on a second writer, and volumes whose copies can be judged.
 * @module
 */
import { TEST_IMAGE } from "../../runners/docker/test_image.ts";
import { SLEEP } from "../castfiles.ts";

/** A request's body. */
export type Body = Record<string, unknown>;

/** Says so in a file when somebody else began to write the volume while this one does. */
const ALONE = `me=$(cat /proc/sys/kernel/random/uuid); echo $me > /data/owner
alone() { [ "$(cat /data/owner)" = $me ] || echo "$me met another writer" >> /data/violations; }`;
const GUARD = `${ALONE}; trap 'exit 0' TERM; while :; do alone; sleep 0.2; done`;

/**
 * Writes `a` before `b`, so that a copy that holds the writer still never shows `b` ahead, nor more than one
 * behind.
 */
const SCRIBE = `${ALONE}; put() { echo $2 > /data/.$1; mv /data/.$1 /data/$1; }; trap 'exit 0' TERM
i=$(cat /data/a); put b $i
while :; do alone; i=$((i + 1)); put a $i; put b $i; sleep 0.1; done`;

const process = (script: string): Body => ({ process: { command: "/bin/sh", args: ["-c", script] } });
const container = (script: string): Body => ({ image: TEST_IMAGE, command: ["/bin/sh", "-c", script] });
const makeClaiming = (name: string): Body => ({
  volumes: [{ name: "d", mountPath: "/data", claim: { name } }],
});
const makeOwning = (...paths: string[]): Body => ({
  volumes: paths.map((name) => ({
    name,
    mountPath: `/${name}`,
    claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" },
  })),
});

/** Services by name; each is whole with `env`, `labels` and perhaps `scale`. */
export const SERVICES = {
  /** On a directory of the host. */
  writer: { ...process(GUARD), ...makeClaiming("shared"), stopTimeout: "2s" },
  /** On the volume that snapshots are taken of. */
  scribe: { ...container(SCRIBE), ...makeClaiming("data"), stopTimeout: "2s" },
  /** Replaced before the old one is stopped. */
  many: process(SLEEP),
  front: container(SLEEP),
  /** Replaced after the old one is stopped: each instance writes volumes of its own. */
  web: { ...container(GUARD), ...makeOwning("data", "more", "yet-more", "still-more") },
} satisfies Record<string, Body>;

/** Services of which nothing runs, that are cast together and go through what is short together. */
export const CROWD: string[] = Array.from({ length: 60 }, (_, n) => `crowd-${n}`);

/** One of them, as a cast of all names it. */
export const crowdMember = (name: string, version: string): Body => ({
  kind: "service",
  body: { name, labels: { version }, ...SERVICES.many, scale: 0, env: { VERSION: version } },
});

/** Services with a scale. */
export const SCALED = ["many", "front", "web"] as const;

/** Files that never change beside those that the scribe writes: enough that a copy takes its time. */
const BULK_FILES = 400;
const BULK = new Uint8Array(4096).fill(7);

/** Puts what never changes into the volume that snapshots are taken of. */
export function plantBulk(directory: string): void {
  Deno.mkdirSync(`${directory}/bulk`);
  for (let i = 0; i < BULK_FILES; i++) Deno.writeFileSync(`${directory}/bulk/${i}`, BULK);
}

/** What is wrong with a copy of that volume; undefined when it is whole and of one moment. */
export function flawOf(directory: string): string | undefined {
  const number = (name: string) => Number(Deno.readTextFileSync(`${directory}/${name}`));
  try {
    const names = [...Deno.readDirSync(`${directory}/bulk`)];
    const bad = names.find(({ name }) => Deno.statSync(`${directory}/bulk/${name}`).size !== BULK.length);
    if (bad || names.length !== BULK_FILES) {
      return `${names.length} of ${BULK_FILES} files, ${bad?.name} too short`;
    }
    const [a, b] = [number("a"), number("b")];
    return a - b === 0 || a - b === 1 ? undefined : `of different moments: a is ${a}, b is ${b}`;
  } catch (error) {
    return String(error);
  }
}
