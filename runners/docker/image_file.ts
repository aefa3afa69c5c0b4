/**
 * Reads a small file from a container's filesystem, even if the container does not run. The Engine returns it
 * as a tar archive.
 * @module
 */
import { posix } from "node:path";
import { type Engine, unlessAbsent } from "./engine.ts";

/** The most bytes of a file that are read. Account files are smaller. */
const MOST = 1 << 20;
/** How many links are followed. */
const LINKS = 8;
const BLOCK = 512;

/**
 * Reads a file as text. Links are followed inside the container.
 *
 * @returns undefined if there is none, it is too large, or it is not a file.
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
    // Leaving the loop cancels the rest.
    if (size >= most) break;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * Parses the first file or link of a tar archive (POSIX ustar); undefined if there is none or it is
 * incomplete.
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
    // Extended headers come before their entry. A directory or device is not a file.
    if (!["x", "g"].includes(type) || !(size >= 0)) return undefined;
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}
