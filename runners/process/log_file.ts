/**
 * The output of a run on disk. A process writes directly to `stdout.log` and `stderr.log` (O_APPEND), so
 * output needs no daemon. While a daemon runs, it adds two things:
 *
 * - `marks`: lines `<time> <size of stdout> <size of stderr>`, at most one a second. They give lines their
 *   time and put the two streams in order, both to the second; lines between two marks count as stdout first.
 * - rotation: when a stream holds 10 MiB more than it keeps, its oldest part is given back to the filesystem
 *   as a hole (fallocate(1) --punch-hole). The file keeps its length and its writer its place, so nothing
 *   that is kept can be lost, and places in the file never change; `du` shows its true size. Where the
 *   filesystem has no holes the file is emptied instead, which loses what it held.
 *
 * `trimmed` says where each stream's data begins now.
 * @module
 */
import { replaceFile } from "../../base/durable.ts";
import { readIfPresent, readJson, type RunFiles } from "./records.ts";
import { HELPER_ENVIRONMENT } from "./environment.ts";
import { findTool } from "./tools.ts";

/** How much of a stream is kept. */
export interface Rotation {
  /** How many bytes are freed at once. */
  chunk: number;
  /** The least number of kept chunks. One more may be incomplete. */
  keep: number;
}

/** 10 MiB × 3. */
export const DEFAULT_ROTATION: Rotation = { chunk: 10 * 1024 * 1024, keep: 2 };

/** Sizes of both streams, or positions in them. */
export interface Places {
  stdout: number;
  stderr: number;
}

/** The sizes of the streams at a time. */
export interface Mark extends Places {
  time: string;
}

/** The streams, in the order in which lines of the same second are shown. */
export const STREAMS = ["stdout", "stderr"] as const;

/** About 8,000 marks. */
const MAX_MARKS_BYTES = 384 * 1024;

/** The sizes of a run's streams; 0 for a stream without output. */
export function logSizes(files: RunFiles): Places {
  const size = (stream: string) => {
    try {
      return Deno.statSync(`${files.dir}/${stream}.log`).size;
    } catch {
      return 0;
    }
  };
  return { stdout: size("stdout"), stderr: size("stderr") };
}

/** Where the data of each stream begins. */
export async function readTrimmed(files: RunFiles): Promise<Places> {
  return await readJson<Places>(`${files.dir}/trimmed`) ?? { stdout: 0, stderr: 0 };
}

/** The marks of a run, oldest first. */
export async function readMarks(files: RunFiles): Promise<Mark[]> {
  const text = await readIfPresent(`${files.dir}/marks`) ?? "";
  return text.split("\n").flatMap((line) => {
    const [time, stdout, stderr] = line.split(" ");
    return stderr === undefined ? [] : [{ time: time!, stdout: Number(stdout), stderr: Number(stderr) }];
  });
}

/** Records the current sizes of the streams. Halves the marks' resolution if there are too many. */
export async function addMark(files: RunFiles, { stdout, stderr }: Places): Promise<void> {
  const path = `${files.dir}/marks`;
  const line = `${new Date().toISOString()} ${stdout} ${stderr}\n`;
  await Deno.writeTextFile(path, line, { append: true, mode: 0o600 });
  if ((await Deno.stat(path)).size < MAX_MARKS_BYTES) return;
  const marks = await readMarks(files);
  const kept = marks.filter((_, i) => (marks.length - i) % 2 === 1);
  await replaceFile(path, kept.map((m) => `${m.time} ${m.stdout} ${m.stderr}\n`).join(""));
}

/** Frees the oldest part of streams that have grown too long. */
export async function rotate(files: RunFiles, { chunk, keep }: Rotation): Promise<void> {
  const sizes = logSizes(files);
  const trimmed = await readTrimmed(files);
  for (const stream of STREAMS) {
    if (sizes[stream] < trimmed[stream]) trimmed[stream] = 0;
    if (sizes[stream] - trimmed[stream] < (keep + 1) * chunk) continue;
    const path = `${files.dir}/${stream}.log`;
    const start = Math.floor((sizes[stream] - keep * chunk) / chunk) * chunk;
    // Written first, so that after a crash in between readers skip the part that will be freed.
    trimmed[stream] = start;
    await replaceFile(`${files.dir}/trimmed`, JSON.stringify(trimmed));
    const { success } = await new Deno.Command(await findTool("fallocate"), {
      args: ["--punch-hole", "--offset", "0", "--length", `${start}`, path],
      env: HELPER_ENVIRONMENT,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) continue;
    await Deno.truncate(path, 0);
    trimmed[stream] = 0;
    await replaceFile(`${files.dir}/trimmed`, JSON.stringify(trimmed));
    await Deno.remove(`${files.dir}/marks`).catch(() => {});
  }
}
