/**
 * For tests only: a real Engine, and an image made from the host's static busybox, as there may be no
 * registry.
 * @module
 */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { createEngine, type Engine, unlessAbsent } from "./engine.ts";

/** The socket of the Engine for tests. */
export const TEST_SOCKET = "/var/run/docker.sock";

/** Whether tests that need Docker can run here. Otherwise they are ignored. */
export const dockerHere: boolean = isSocket(TEST_SOCKET) && isFile("/bin/busybox");

/**
 * The name of the image: busybox with a shell and its usual applets, `/bin/sh` as the command, no entrypoint.
 */
export const TEST_IMAGE = "rune-test/busybox:1";

const APPLETS =
  "[ ash awk base64 basename cat chmod chown cp cut date dd df dirname du echo env expr false find fold free getopt " +
  "grep gunzip gzip head hostname httpd id ip kill killall ln ls md5sum mkdir mkfifo mktemp mount mv nc netstat nproc nslookup od " +
  "pidof ping printf ps pwd readlink realpath rm rmdir sed seq setsid sh sha256sum sleep sort stat stty sync tail tar tee " +
  "test time timeout top touch tr true truncate tty umount uname uniq usleep vi wc wget which whoami xargs yes zcat";
const FOLDERS = ["bin/", "dev/", "etc/", "proc/", "root/", "sys/", "tmp/", "var/", "data/"];
const FILES: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n",
  "etc/group": "root:x:0:\napp:x:1000:\n",
};

/**
 * Creates {@linkcode TEST_IMAGE} if it is missing, once for all tests.
 *
 * @param socket the socket of another Engine than this machine's.
 * @returns its name.
 */
export async function ensureTestImage(socket: string = TEST_SOCKET): Promise<string> {
  const engine = createEngine(socket);
  try {
    await importImage(engine);
  } finally {
    engine.close();
  }
  return TEST_IMAGE;
}

async function importImage(engine: Engine): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const what = `make ${TEST_IMAGE}`;
  const path = `/images/${TEST_IMAGE}/json`;
  if (await unlessAbsent(engine.json(path, { what, schema: z.object({}), signal }))) return;
  const [repo, tag] = TEST_IMAGE.split(":");
  const response = await engine.request("/images/create", {
    what,
    method: "POST",
    query: { fromSrc: "-", repo, tag, changes: 'CMD ["/bin/sh"]' },
    body: await rootTar(),
    signal,
  });
  const answer = await response.text();
  if (answer.includes("errorDetail")) throw new RuneError("internal", `cannot ${what}: ${answer}`);
}

/** An image for one test. */
export interface BuiltImage extends AsyncDisposable {
  name: string;
}

/**
 * Builds an image from {@linkcode TEST_IMAGE} and these instructions of a Dockerfile; disposing removes it.
 *
 * @param options.name default: a unique name.
 */
export async function buildTestImage(
  instructions: string[],
  { name = `rune-test/built:${crypto.randomUUID()}`, socket = TEST_SOCKET } = {},
): Promise<BuiltImage> {
  const from = await ensureTestImage(socket);
  const engine = createEngine(socket);
  const signal = AbortSignal.timeout(60_000);
  const what = `make ${name}`;
  const text = new TextEncoder().encode([`FROM ${from}`, ...instructions, ""].join("\n"));
  const parts = [...file("Dockerfile", text, 0o644), new Uint8Array(1024)] as Uint8Array<ArrayBuffer>[];
  try {
    const body = new Uint8Array(await new Blob(parts).arrayBuffer());
    const query = { t: name, rm: "1", forcerm: "1" };
    const answer = await (await engine.request("/build", { what, method: "POST", query, body, signal }))
      .text();
    if (answer.includes("errorDetail")) throw new RuneError("internal", `cannot ${what}: ${answer}`);
  } finally {
    engine.close();
  }
  return {
    name,
    async [Symbol.asyncDispose]() {
      const remover = createEngine(socket);
      try {
        const gone = remover.send(`/images/${name}`, {
          what: `remove ${name}`,
          method: "DELETE",
          query: { force: "1" },
          signal: AbortSignal.timeout(60_000),
        });
        await unlessAbsent(gone);
      } finally {
        remover.close();
      }
    },
  };
}

async function rootTar(): Promise<Uint8Array> {
  const text = new TextEncoder();
  const parts: Uint8Array[] = [
    ...FOLDERS.map((name) => entry({ name, type: "5", mode: name === "tmp/" ? 0o1777 : 0o755 })),
    ...Object.entries(FILES).flatMap(([name, body]) => file(name, text.encode(body), 0o644)),
    ...file("bin/busybox", await Deno.readFile("/bin/busybox"), 0o755),
    ...APPLETS.split(" ").map((name) =>
      entry({ name: `bin/${name}`, type: "2", mode: 0o777, link: "busybox" })
    ),
    new Uint8Array(1024),
  ];
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

function file(name: string, body: Uint8Array, mode: number): Uint8Array[] {
  return [entry({ name, type: "0", mode, size: body.length }), body, new Uint8Array(-body.length & 511)];
}

/** The 512-byte header of a tar entry (POSIX ustar); type 0 file, 2 symbolic link, 5 folder. */
function entry(
  e: { name: string; type: "0" | "2" | "5"; mode: number; size?: number; link?: string },
): Uint8Array {
  const header = new Uint8Array(512);
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  const putOctal = (at: number, digits: number, value: number) =>
    put(at, value.toString(8).padStart(digits, "0"));
  put(0, e.name);
  putOctal(100, 7, e.mode);
  putOctal(108, 7, 0);
  putOctal(116, 7, 0);
  putOctal(124, 11, e.size ?? 0);
  putOctal(136, 11, 0);
  // The checksum counts its own field as spaces.
  put(148, "        ");
  put(156, e.type);
  put(157, e.link ?? "");
  put(257, "ustar\u000000");
  putOctal(148, 6, header.reduce((sum, byte) => sum + byte, 0));
  header[154] = 0;
  return header;
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
