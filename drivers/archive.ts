/**
 * Packs directory trees into tar streams and unpacks them, with the host's `tar`. Owners, modes, times,
 * xattrs, ACLs, links and holes survive.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { ensureDirectory } from "./directories.ts";
import { spawnHost, syncFilesystem } from "./host.ts";
import { abortError, checkAborted } from "./host_error.ts";

/** Options for packing and unpacking that keep all metadata. */
const FAITHFUL = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];
/** tar's exit code if files changed while it read them. The archive has them as they were read. */
const CHANGED = 1;

async function waitForEnd(
  child: Deno.ChildProcess,
  { what, signal, accept = [] }: { what: string; signal: AbortSignal; accept?: number[] },
  stderr: Promise<string>,
): Promise<void> {
  const { code, success } = await child.status;
  const reason = (await stderr).split("\n").find((line) => line.trim() !== "") ?? "it gave no reason";
  if (success || accept.includes(code)) return;
  if (signal.aborted) throw abortError(what, signal);
  throw new RuneError("unavailable", `${what} failed: ${reason.slice(0, 300)} (tar, exit code ${code})`, {
    hint: "check that the disk has room and can be read",
  });
}

/** Packs a directory tree into a tar stream. The stream fails if the tree cannot be read completely. */
export function packTree(path: string, signal: AbortSignal): ReadableStream<Uint8Array> {
  const what = `export of ${path}`;
  checkAborted(what, signal);
  const child = spawnHost("tar", [...FAITHFUL, "--sparse", "-C", path, "-cf", "-", "."], {
    what,
    signal,
    stdin: "null",
  });
  const stderr = new Response(child.stderr).text();
  return child.stdout.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array>({
      flush: () => waitForEnd(child, { what, signal, accept: [CHANGED] }, stderr),
    }),
  );
}

/**
 * Unpacks a tar stream of {@linkcode packTree} into a new directory. Everything is on disk when this returns.
 */
export async function unpackTree(
  data: ReadableStream<Uint8Array>,
  { target, signal }: { target: string; signal: AbortSignal },
): Promise<void> {
  const what = `import into ${target}`;
  checkAborted(what, signal);
  await ensureDirectory(target, 0o755);
  const child = spawnHost("tar", [...FAITHFUL, "--preserve-permissions", "-C", target, "-xf", "-"], {
    what,
    signal,
    stdin: "piped",
  });
  const stderr = new Response(child.stderr).text();
  const stdout = child.stdout.cancel();
  let broken: unknown;
  const end = watchEnd();
  await data.pipeThrough(end.stream).pipeTo(child.stdin).catch((error) => broken = error);
  await stdout;
  await waitForEnd(child, { what, signal }, stderr);
  if (broken !== undefined) throw broken;
  if (!end.hasEnded()) {
    throw new RuneError("invalid_argument", `${what} failed: the archive is truncated`, {
      hint: "it was cut off when it was made or copied; make it again",
      permanent: true,
    });
  }
  await syncFilesystem(target, signal);
}

/**
 * Detects the two zero blocks at the end of a tar stream. tar itself accepts an archive that was cut off
 * between two files.
 */
function watchEnd(): { stream: TransformStream<Uint8Array, Uint8Array>; hasEnded(): boolean } {
  let zeros = 0;
  return {
    stream: new TransformStream({
      transform(chunk, controller) {
        const last = chunk.findLastIndex((byte) => byte !== 0);
        zeros = last === -1 ? zeros + chunk.length : chunk.length - 1 - last;
        controller.enqueue(chunk);
      },
    }),
    hasEnded: () => zeros >= 1024,
  };
}
