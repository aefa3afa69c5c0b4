/**
 * What the fault tests cast: services that report a second writer, and volumes whose copies can be checked.
 * @module
 */
import { TEST_IMAGE } from "../../runners/docker/test_image.ts";
import { SLEEP } from "../castfiles.ts";

/** A request body. */
export type Body = Record<string, unknown>;

/** Reports in a file if somebody else writes the volume at the same time. */
const ALONE = `me=$(cat /proc/sys/kernel/random/uuid); echo $me > /data/owner
alone() { [ "$(cat /data/owner)" = $me ] || echo "$me met another writer" >> /data/violations; }`;
const GUARD = `${ALONE}; trap 'exit 0' TERM; while :; do alone; sleep 0.2; done`;

/**
 * Writes `a` before `b`, so that a copy of the paused writer never shows `b` ahead, nor more than one behind.
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

/** Services by name; each needs `env` and `labels`, and perhaps `scale`. */
export const SERVICES = {
  /** On a directory of the host. */
  writer: { ...process(GUARD), ...makeClaiming("shared"), stopTimeout: "2s" },
  /** On the volume of which snapshots are taken. */
  scribe: { ...container(SCRIBE), ...makeClaiming("data"), stopTimeout: "2s" },
  /** Replaced start-first. */
  many: process(SLEEP),
  front: container(SLEEP),
  /** Replaced stop-first: each instance writes its own volumes. */
  web: { ...container(GUARD), ...makeOwning("data", "more", "yet-more", "still-more") },
} satisfies Record<string, Body>;

/** Services without instances, cast together, for phases that are short. */
export const CROWD: string[] = Array.from({ length: 60 }, (_, n) => `crowd-${n}`);

/** One of them, as it is in the cast of all. */
export const crowdMember = (name: string, version: string): Body => ({
  kind: "service",
  body: { name, labels: { version }, ...SERVICES.many, scale: 0, env: { VERSION: version } },
});

/** Services with a scale. */
export const SCALED = ["many", "front", "web"] as const;

/** Constant files beside the scribe's, enough that a copy takes a while. */
const BULK_FILES = 400;
const BULK = new Uint8Array(4096).fill(7);

/** Puts the constant files into the volume of which snapshots are taken. */
export function plantBulk(directory: string): void {
  Deno.mkdirSync(`${directory}/bulk`);
  for (let i = 0; i < BULK_FILES; i++) Deno.writeFileSync(`${directory}/bulk/${i}`, BULK);
}

/** What is wrong with a copy of that volume; undefined if it is complete and shows a single moment. */
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
