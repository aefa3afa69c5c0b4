/**
 * A small file out of a container's filesystem, which need not run: the Engine hands it over as a tar
 * archive.
 * @module
 */
import { posix } from "node:path";
import { type Engine, unlessAbsent } from "./engine.ts";

/** Bytes of a file that are read; accounts have fewer. */
const MOST = 1 << 20;
/** Links that are followed. */
const LINKS = 8;
const BLOCK = 512;

/**
 * Reads a file as text, links followed inside the container.
 *
 * @returns undefined where there is none, and for what is too large or no file.
 */
export async function readImageFile(
  engine: Engine,
  { container, path, signal }: { container: string; path: string; signal: AbortSignal },
): Promise<string | undefined> {
  let at = path;
  for (let links = 0; links <= LINKS; links++) {
    const response = await unlessAbsent(
      engine.request(`/containers/${container}/archive`, {
        what: `read ${path} of an image`,
        query: { path: at },
        signal,
      }),
    );
    if (!response) return undefined;
    const entry = parseFirstEntry(await readAtMost(response, MOST + 8 * BLOCK));
    if (!entry) return undefined;
    if ("text" in entry) return entry.text;
    at = posix.resolve(posix.dirname(at), entry.leadsTo);
  }
  return undefined;
}

async function readAtMost({ body }: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Uint8Array<ArrayBuffer>);
    size += chunk.length;
    // Leaving the loop cancels what is left.
    if (size >= most) break;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * The first file or link of a tar archive (POSIX ustar); undefined where there is none, or it is not all
 * there.
 */
export function parseFirstEntry(tar: Uint8Array): { text: string } | { leadsTo: string } | undefined {
  const decoder = new TextDecoder();
  for (let at = 0; at + BLOCK <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK);
    const field = (from: number, length: number) =>
      decoder.decode(header.subarray(from, from + length)).replace(/\0.*$/s, "");
    if (field(0, 100) === "") return undefined;
    const size = parseInt(field(124, 12).trim() || "0", 8);
    const type = field(156, 1) || "0";
    at += BLOCK;
    if (type === "2") return { leadsTo: field(157, 100) };
    if (type === "0") {
      const whole = size <= MOST && at + size <= tar.length;
      return whole ? { text: decoder.decode(tar.subarray(at, at + size)) } : undefined;
    }
    // Extended headers come before what they are of; a folder or a device is no file.
    if (!["x", "g"].includes(type) || !(size >= 0)) return undefined;
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}
