/**
 * The format of backups: a gzip tar whose first file is `manifest.json` and whose last is `SHA256SUMS`, so
 * that a truncated one is noticed. Any `tar` can unpack it, and `sha256sum -c` can check it.
 *
 *     manifest.json
 *     state.db                          the state, a Deno KV database
 *     kek                               only on request
 *     volumes/<n>/<part>                the data of the manifest's nth volume: a tar stream, cut into parts
 *     SHA256SUMS
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { notWhole, readTar, type TarFile, writeTar } from "./tar.ts";

/** The version of the format. A newer one is refused. */
const FORMAT = 1;
const MANIFEST = "manifest.json";
const SUMS = "SHA256SUMS";
/** A stream of unknown length becomes files of at most this size, one of which is in memory at a time. */
const PART_BYTES = 4 * 1024 * 1024;

const manifestSchema = z.object({
  format: z.number().int(),
  /** The version of the daemon that made it. */
  version: z.string(),
  /** RFC 3339. */
  createdAt: z.string(),
  node: z.string(),
  /** It becomes part of the names of files, labels and control groups, so nothing else may be in it. */
  daemonId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/),
  /** Of the state, at least. */
  revision: z.number().int(),
  kek: z.boolean(),
  volumes: z.array(z.object({ namespace: z.string(), name: z.string(), uid: z.string() })),
  /** The place of the daemon that made it, by which a restore recognizes its data directory. */
  place: z.object({ machine: z.string(), dataDir: z.string(), inode: z.string() }).optional(),
});

/** The contents of a backup. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Creates the first file of a backup. */
export function manifestFile(manifest: Omit<Manifest, "format">): TarFile {
  return textFile(MANIFEST, JSON.stringify({ format: FORMAT, ...manifest }, null, 2) + "\n");
}

/** Creates a small file. */
export function textFile(name: string, text: string): TarFile {
  const bytes = new TextEncoder().encode(text);
  return { name, size: bytes.length, data: [bytes] };
}

/** Cuts a stream into files, in order. */
export async function* partFiles(
  folder: string,
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<TarFile> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let n = 0;
  const file = (): TarFile => {
    const made = { name: `${folder}/${String(n++).padStart(6, "0")}`, size, data: parts };
    [parts, size] = [[], 0];
    return made;
  };
  for await (const chunk of stream) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= PART_BYTES) yield file();
  }
  if (size > 0) yield file();
}

/** The folder of the parts of the manifest's nth volume. */
export const volumeFolder = (n: number): string => `volumes/${n}`;

/** Packs files into a backup, with checksums. */
export function packBackup(files: AsyncIterable<TarFile>): ReadableStream<Uint8Array> {
  const tar = writeTar(withSums(files), { mtime: Math.floor(Date.now() / 1000) });
  return ReadableStream.from(tar as AsyncGenerator<Uint8Array<ArrayBuffer>>)
    .pipeThrough(new CompressionStream("gzip"));
}

async function* withSums(files: AsyncIterable<TarFile>): AsyncGenerator<TarFile> {
  const sums: string[] = [];
  for await (const { name, size, data } of files) {
    const hash = createHash("sha256");
    const hashed = (async function* () {
      for await (const chunk of data) {
        hash.update(chunk);
        yield chunk;
      }
    })();
    yield { name, size, data: hashed };
    sums.push(`${hash.digest("hex")}  ${name}\n`);
  }
  yield textFile(SUMS, sums.join(""));
}

/** Called for each file except the manifest and the checksums. It must read the data to the end. */
export type FileReader = (name: string, data: AsyncIterable<Uint8Array>) => Promise<void>;

/**
 * Reads a whole backup and checks it.
 *
 * @returns the manifest, if the backup is intact.
 * @throws {RuneError} `invalid_argument` for a damaged or truncated backup; `failed_precondition` for a newer
 * format.
 */
export async function readBackup(
  stream: ReadableStream<Uint8Array>,
  options: { onManifest?: (manifest: Manifest) => Promise<void>; onFile: FileReader },
): Promise<Manifest> {
  const unpacked = stream.pipeThrough(
    new DecompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  let manifest: Manifest | undefined;
  let sums: string | undefined;
  const found: string[] = [];
  for await (const { name, data } of readTar(unpacked)) {
    const hash = createHash("sha256");
    const hashed = (async function* () {
      for await (const chunk of data) {
        hash.update(chunk);
        yield chunk;
      }
    })();
    if (sums !== undefined) throw notWhole("there is data after its end");
    if (name === SUMS) sums = await readText(hashed);
    else if (manifest === undefined) {
      if (name !== MANIFEST) throw notWhole("it is not a backup of Rune");
      manifest = parseManifest(await readText(hashed));
      await options.onManifest?.(manifest);
    } else await options.onFile(name, hashed);
    if (name !== SUMS) found.push(`${hash.digest("hex")}  ${name}\n`);
  }
  if (manifest === undefined || sums === undefined) throw notWhole("its end is missing");
  const wanted = sums.split("\n");
  const wrong = found.findIndex((line, i) => line !== `${wanted[i]}\n`);
  if (wrong !== -1) throw notWhole(`${found[wrong]!.slice(66).trim()} does not match its checksum`);
  if (found.join("") !== sums) throw notWhole("files are missing");
  return manifest;
}

/**
 * Reads only the manifest. Only {@linkcode readBackup} checks whether the backup is intact.
 *
 * @throws {RuneError} as {@linkcode readBackup} does.
 */
export async function readManifest(stream: ReadableStream<Uint8Array>): Promise<Manifest> {
  let manifest: Manifest | undefined;
  const enough = new Error("the manifest was read");
  try {
    await readBackup(stream, {
      onManifest(found) {
        manifest = found;
        return Promise.reject(enough);
      },
      onFile: () => Promise.reject(enough),
    });
  } catch (error) {
    if (error !== enough) throw error;
  }
  return manifest!;
}

async function readText(data: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = await Array.fromAsync(data as AsyncIterable<Uint8Array<ArrayBuffer>>);
  return await new Blob(chunks).text();
}

function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notWhole("its manifest cannot be read", error);
  }
  const { format } = z.object({ format: z.number() }).catch({ format: 0 }).parse(value);
  if (format > FORMAT) {
    throw new RuneError(
      "failed_precondition",
      `the backup has format ${format}; this program supports formats up to ${FORMAT}`,
      {
        hint: "restore it with the version of Rune that made it, or a newer one",
      },
    );
  }
  const result = manifestSchema.safeParse(value);
  if (!result.success) throw notWhole("its manifest is not complete", result.error);
  return result.data;
}
