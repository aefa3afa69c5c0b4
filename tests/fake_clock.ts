/**
 * A clock that can be set, for one process: libfaketime changes the time of day that it sees, and leaves
 * timers alone.
 * @module
 */

/** Where Debian's package has the library. */
const LIBRARY = `/usr/lib/${
  Deno.build.arch === "aarch64" ? "aarch64" : "x86_64"
}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** True where the clock of a process cannot be set. */
export const noFakeClock: boolean = !await Deno.stat(LIBRARY).then(() => true, () => false);

/** See {@linkcode fakeClock}. */
export interface FakeClock extends AsyncDisposable {
  /** The environment of a process that goes by this clock; its children do too. */
  env: Record<string, string>;
  /** Sets it so many seconds ahead of the machine's, or behind. */
  set(seconds: number): Promise<void>;
}

/** Makes a clock that shows the machine's time until it is set. */
export async function fakeClock(): Promise<FakeClock> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-clock-" });
  const file = `${dir}/offset`;
  const set = async (seconds: number) => {
    // In one step: it is read at every look at the clock.
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
