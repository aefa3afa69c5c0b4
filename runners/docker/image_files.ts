/**
 * Reading files of an image, through a container that is made for it and never started. The Engine fills the volumes that the
 * image declares when it makes a container, so what is read is what a container would begin with.
 * @module
 */
import { z } from "zod";
import type { ImageDirectory } from "../runner.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { assertReference } from "./images.ts";
import { LABEL, labelFilter } from "./labels.ts";

const createdSchema = z.object({ Id: z.string() });
/** Milliseconds in which a container of this kind must be removed again. */
const REMOVE_MS = 60_000;

/** Reads files of images. */
export interface ImageFiles {
  /** See {@linkcode import("../runner.ts").Runner.readImage}. */
  read(directory: ImageDirectory, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** For the daemon `daemonId`. */
export function createImageFiles(engine: Engine, daemonId: string): ImageFiles {
  let swept = false;

  /** A daemon that was killed while it read may have left one behind. */
  async function removeLeftovers(signal: AbortSignal): Promise<void> {
    if (swept) return;
    swept = true;
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
      // With what the Engine filled for it; a volume that was named stays.
      query: { v: "1", force: "1" },
      signal: AbortSignal.timeout(REMOVE_MS),
    }));
  }

  async function make({ image, path, engineVolume }: ImageDirectory, signal: AbortSignal): Promise<string> {
    assertReference(image);
    const { Id } = await engine.json("/containers/create", {
      what: `look into image ${image}`,
      schema: createdSchema,
      method: "POST",
      body: {
        Image: image,
        // It never runs: an image without a command of its own will do.
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

  return {
    async read(directory, signal) {
      await removeLeftovers(signal);
      const id = await make(directory, signal);
      try {
        const what = `read ${directory.path} of image ${directory.image}`;
        const query = { path: `${directory.path}/.` };
        const response = await unlessAbsent(
          engine.request(`/containers/${id}/archive`, { what, query, signal, idleMs: 10 * 60_000 }),
        );
        if (response) return closing(response.body!, () => remove(id));
      } catch (error) {
        await remove(id).catch(() => {});
        throw error;
      }
      await remove(id);
      return new Blob([new Uint8Array(1024)]).stream();
    },
  };
}

/** The stream, with something to do when nobody reads it any more. */
function closing(source: ReadableStream<Uint8Array>, close: () => Promise<void>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
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
