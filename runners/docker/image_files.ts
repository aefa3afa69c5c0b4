/**
 * Reads files of an image through a container that is created but never started. The Engine fills the
 * declared volumes when it creates a container, so the result is what a new container has.
 * @module
 */
import { z } from "zod";
import type { ImageDirectory, ImagePath } from "../runner.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { readImageFile } from "./image_file.ts";
import { assertReference } from "./images.ts";
import { LABEL, labelFilter } from "./labels.ts";

const createdSchema = z.object({ Id: z.string() });
const STAT_HEADER = "x-docker-container-path-stat";
/** The header that describes a path. The mode is that of Go's `os.FileMode`. */
const statSchema = z.object({ mode: z.number() });
const GO_DIRECTORY = 2 ** 31;
/** From this bit on, a mode says the type, setuid and the like. A plain file's mode is below. */
const GO_TYPES = 2 ** 19;
/** How many paths are cached. */
const LOOKS_MAX = 4096;
/** How many milliseconds the removal of such a container may take. */
const REMOVE_MS = 60_000;

/** Reads files of images. */
export interface ImageFiles {
  /** See {@linkcode import("../runner.ts").Runner.readImage}. */
  read(directory: ImageDirectory, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** See {@linkcode import("../runner.ts").Runner.lookIntoImage}. */
  look(image: string, paths: string[], signal: AbortSignal): Promise<Map<string, ImagePath>>;
  /** Reads small files as text, by path; see {@linkcode readImageFile}. */
  texts(image: string, paths: string[], signal: AbortSignal): Promise<Map<string, string | undefined>>;
  /** Removes what a killed daemon left behind, once. */
  sweep(signal: AbortSignal): Promise<void>;
}

/** Creates a reader for the daemon `daemonId`. */
export function createImageFiles(engine: Engine, daemonId: string): ImageFiles {
  let swept: Promise<void> | undefined;
  /** By the image's id, which identifies its contents, and the path. */
  const looks = new Map<string, ImagePath>();

  /** Runs before the first container is created here, so everything it finds is from a killed daemon. */
  function sweep(signal: AbortSignal): Promise<void> {
    return swept ??= removeLeftovers(signal).catch((error) => {
      swept = undefined;
      throw error;
    });
  }

  async function removeLeftovers(signal: AbortSignal): Promise<void> {
    const what = "look for containers that were left behind";
    const filters = labelFilter({ [LABEL.daemon]: daemonId, [LABEL.look]: "image" });
    const query = { all: "1", filters };
    const found = await engine.json("/containers/json", {
      what,
      schema: z.array(createdSchema),
      query,
      signal,
    });
    await Promise.all(found.map(({ Id }) => remove(Id)));
  }

  async function remove(id: string): Promise<void> {
    await unlessAbsent(engine.send(`/containers/${id}`, {
      what: "remove a container that was never started",
      method: "DELETE",
      // Also removes the volumes that the Engine filled for it. Named volumes stay.
      query: { v: "1", force: "1" },
      signal: AbortSignal.timeout(REMOVE_MS),
    }));
  }

  async function make(
    { image, path, engineVolume }: Omit<ImageDirectory, "path"> & { path?: string },
    signal: AbortSignal,
  ): Promise<string> {
    assertReference(image);
    const { Id } = await engine.json("/containers/create", {
      what: `look into image ${image}`,
      schema: createdSchema,
      method: "POST",
      body: {
        Image: image,
        // The container never runs, so this also works for an image without a command.
        Cmd: ["-"],
        NetworkDisabled: true,
        Labels: { [LABEL.daemon]: daemonId, [LABEL.look]: "image" },
        HostConfig: {
          ...(engineVolume !== undefined && {
            Mounts: [{ Type: "volume", Source: engineVolume, Target: path, ReadOnly: true }],
          }),
        },
      },
      signal,
      withinMs: 60 * 60_000,
    });
    return Id;
  }

  async function lookAt(id: string, path: string, signal: AbortSignal): Promise<ImagePath> {
    const what = `look at ${path} of an image`;
    const answer = await unlessAbsent(
      engine.request(`/containers/${id}/archive`, { what, query: { path }, signal }),
    );
    if (!answer) return { kind: "absent", entries: [] };
    const { mode } = statSchema.parse(JSON.parse(atob(answer.headers.get(STAT_HEADER) ?? "")));
    if (Math.floor(mode / GO_DIRECTORY) % 2 === 1) {
      return { kind: "directory", entries: namesIn(await firstBytes(answer.body!)) };
    }
    await answer.body!.cancel();
    return { kind: mode < GO_TYPES ? "file" : "unknown", entries: [] };
  }

  return {
    sweep,
    async look(image, paths, signal) {
      const known = paths.flatMap((path): [string, ImagePath][] => {
        const seen = looks.get(`${image} ${path}`);
        return seen ? [[path, seen]] : [];
      });
      if (known.length === paths.length) return new Map(known);
      await sweep(signal);
      const id = await make({ image }, signal);
      try {
        const found = new Map<string, ImagePath>();
        for (const path of paths) found.set(path, await lookAt(id, path, signal));
        if (looks.size > LOOKS_MAX) looks.clear();
        if (image.startsWith("sha256:")) {
          for (const [path, seen] of found) looks.set(`${image} ${path}`, seen);
        }
        return found;
      } finally {
        await remove(id);
      }
    },
    async texts(image, paths, signal) {
      await sweep(signal);
      const id = await make({ image }, signal);
      try {
        const found = new Map<string, string | undefined>();
        for (const path of paths) {
          found.set(path, await readImageFile(engine, { container: id, path, signal }));
        }
        return found;
      } finally {
        await remove(id);
      }
    },
    async read(directory, signal) {
      await sweep(signal);
      const id = await make(directory, signal);
      try {
        const what = `read ${directory.path} of image ${directory.image}`;
        const query = { path: `${directory.path}/.` };
        const response = await unlessAbsent(
          engine.request(`/containers/${id}/archive`, { what, query, signal, idleMs: 10 * 60_000 }),
        );
        if (response) return withClose(response.body!, () => remove(id));
      } catch (error) {
        await remove(id).catch(() => {});
        throw error;
      }
      await remove(id);
      return new Blob([new Uint8Array(1024)]).stream();
    },
  };
}

/** How many bytes of an archive are read for the names in it. */
const LOOK_BYTES = 64 * 1024;

async function firstBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(LOOK_BYTES);
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of stream) {
    const part = chunk.subarray(0, LOOK_BYTES - length);
    bytes.set(part, length);
    length += part.length;
    if (length === LOOK_BYTES) break;
  }
  return bytes.subarray(0, length);
}

/**
 * Lists the names directly below the directory of an archive, as far as they are in its beginning (POSIX
 * ustar and pax).
 */
export function namesIn(archive: Uint8Array): string[] {
  const names = new Set<string>();
  const text = (header: Uint8Array, at: number, length: number) =>
    new TextDecoder().decode(header.subarray(at, at + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= archive.length;) {
    const header = archive.subarray(at, at + 512);
    if (header[0] === 0) break;
    const size = parseInt(text(header, 124, 12), 8) || 0;
    const type = text(header, 156, 1);
    if (type !== "x" && type !== "g" && type !== "L") {
      // `<directory>/<name>…`.
      const name = text(header, 0, 100).split("/")[1];
      if (name) names.add(name);
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return [...names];
}

/** A stream that runs `end` when nobody reads it any more. */
function withClose(source: ReadableStream<Uint8Array>, end: () => Promise<void>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let ending: Promise<void> | undefined;
  // A cancellation also ends the read under way.
  const close = () => ending ??= end();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
      } catch (error) {
        await close().catch(() => {});
        throw error;
      }
      await close();
      controller.close();
    },
    async cancel(reason) {
      await reader.cancel(reason).catch(() => {});
      await close();
    },
  });
}
