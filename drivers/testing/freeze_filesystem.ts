/** Freezes a filesystem as a daemon does, until it is killed: `<path> <directory of notes>`. @module */
import { createFreezer } from "../freeze.ts";

const [path, notes] = Deno.args as [string, string];
const work = async () => {
  console.log("frozen");
  // Standard input never ends.
  await Deno.stdin.read(new Uint8Array(1));
};
await createFreezer(notes).run({ path, id: "killed" }, { work, signal: new AbortController().signal });
