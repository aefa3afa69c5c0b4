/**
 * Creates process runners over their own directory for tests, and removes the remains of their runs.
 * @module
 */
import type { RunSpec } from "../runner.ts";
import { createProcessRunner, type ProcessRunner, type ProcessRunnerOptions } from "./runner.ts";

/** Process runs require Linux. */
export const cannotRun = Deno.build.os !== "linux";
/** Mounts, users and control groups also require root. */
export const isNotRoot = cannotRun || Deno.uid() !== 0;

/** A directory with process runners over it. */
export interface ProcessRoom {
  dir: string;
  /** An empty directory for what runs mount. */
  data: string;
  runner: ProcessRunner;
  daemonId: string;
  reopen(changed?: Partial<ProcessRunnerOptions>): Promise<ProcessRunner>;
  shell(script: string, overrides?: Partial<RunSpec>): RunSpec;
  cleanup(): Promise<void>;
}

/** Opens a room. Every test must call `cleanup()` at its end. */
export async function openRoom(options: Partial<ProcessRunnerOptions> = {}): Promise<ProcessRoom> {
  const temporary = await Deno.makeTempDir({ prefix: "rune-process-" });
  const dir = `${temporary}/processes`;
  const data = `${temporary}/data`;
  await Deno.mkdir(data);
  const daemonId = options.daemonId ?? crypto.randomUUID();
  const open = (changed?: Partial<ProcessRunnerOptions>) =>
    createProcessRunner({ dir, ...options, daemonId, ...changed });
  const room: ProcessRoom = {
    dir,
    data,
    runner: open(),
    daemonId,
    async reopen(changed) {
      await room.runner.close();
      room.runner = open(changed);
      return room.runner;
    },
    shell: (script, overrides = {}) => ({
      instanceUid: crypto.randomUUID(),
      run: 1,
      namespace: "default",
      service: "web",
      instance: "web-0",
      generation: 1,
      specHash: "0",
      process: { command: "sh", args: ["-c", script] },
      env: {},
      mounts: [],
      aliases: [],
      publish: [],
      ...overrides,
    }),
    async cleanup() {
      const signal = new AbortController().signal;
      try {
        for (const run of await room.runner.list(signal)) {
          await room.runner.stop(run, { timeoutMs: 0, signal });
          await room.runner.remove(run, signal);
        }
      } finally {
        await room.runner.close();
        await Deno.remove(temporary, { recursive: true });
      }
    },
  };
  return room;
}

/** Registers a test with its own room. */
export function roomTest(
  name: string,
  fn: (room: ProcessRoom, signal: AbortSignal) => Promise<void>,
  options: { ignore?: boolean; room?: Partial<ProcessRunnerOptions> } = {},
): void {
  Deno.test({
    name,
    ignore: options.ignore ?? cannotRun,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    fn: async () => {
      const room = await openRoom(options.room);
      try {
        await fn(room, new AbortController().signal);
      } finally {
        await room.cleanup();
      }
    },
  });
}
