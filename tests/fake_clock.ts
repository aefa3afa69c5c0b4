/**
 * A clock that can be set for one process: libfaketime changes the time of day that it sees, and leaves
 * timers alone.
 * @module
 */

/** The path of the library in Debian's package. */
const LIBRARY = `/usr/lib/${
  Deno.build.arch === "aarch64" ? "aarch64" : "x86_64"
}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** True if the clock of a process cannot be set. */
export const noFakeClock: boolean = !await Deno.stat(LIBRARY).then(() => true, () => false);

/** See {@linkcode fakeClock}. */
export interface FakeClock extends AsyncDisposable {
  /** Environment of a process that uses this clock; its children use it too. */
  env: Record<string, string>;
  /** Sets it this many seconds ahead of the machine's clock, or behind. */
  set(seconds: number): Promise<void>;
}

/** Creates a clock that shows the machine's time until it is set. */
export async function fakeClock(): Promise<FakeClock> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-clock-" });
  const file = `${dir}/offset`;
  const set = async (seconds: number) => {
    // Atomically, because it is read at every look at the clock.
    await Deno.writeTextFile(`${file}.next`, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}`);
    await Deno.rename(`${file}.next`, file);
  };
  await set(0);
  return {
    env: {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    },
    set,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
