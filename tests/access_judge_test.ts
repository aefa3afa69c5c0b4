/** Checks the judge of the access test: it finds second writers and nothing else. @module */
import assert from "node:assert/strict";
import { findInterleaved, sharedWithWriter } from "./access_judge.ts";
import { until } from "./host.ts";
import { noRoot } from "./skips.ts";

/** Bind-mounts its second argument on itself in a view of its own, reports that, and waits. */
const VIEW =
  `shift; mount --bind "$1" "$1"; [ "$2" = rw ] || mount -o remount,bind,ro "$1"; echo there > "$3"; read -r _`;

/** A process with its own view that shows `directory`. */
async function view(directory: string, { mode, name }: { mode: "ro" | "rw"; name: string }) {
  const said = await Deno.makeTempFile({ prefix: "rune-test-said-" });
  const child = new Deno.Command("unshare", {
    args: ["-m", "--propagation", "private", "sh", "-s", name, directory, mode, said],
    stdin: "piped",
  }).spawn();
  const script = child.stdin.getWriter();
  await script.write(new TextEncoder().encode(`${VIEW}\n`));
  script.releaseLock();
  await until("the view is there", async () => await Deno.readTextFile(said) !== "");
  return {
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
      await Deno.remove(said);
    },
  };
}

Deno.test({
  name: "two views of a directory are found if one may write, but not while one is being made",
  ignore: noRoot,
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "rune-test-judge-" });
    const [run, setup] = ["run", "rune-setup"];
    try {
      const ends = [directory.slice(directory.indexOf("rune-test-"))];
      const judgeEnds = () => sharedWithWriter(ends);
      await using _first = await view(directory, { mode: "ro", name: run });
      {
        await using _reader = await view(directory, { mode: "ro", name: run });
        assert.deepEqual(judgeEnds(), []);
        await using _making = await view(directory, { mode: "rw", name: setup });
        assert.deepEqual(judgeEnds(), []);
      }
      {
        await using _writer = await view(directory, { mode: "rw", name: run });
        assert.match(
          judgeEnds().join(),
          /\(read-only: sh .*\(read-write: sh |\(read-write: sh .*\(read-only: sh /,
        );
        assert.deepEqual(sharedWithWriter(["rune-test-elsewhere"]), []);
      }
      assert.deepEqual(judgeEnds(), []);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("a run that writes after another has started is found", () => {
  assert.deepEqual(findInterleaved("a\na\nb\nb\nc\n"), []);
  assert.equal(findInterleaved("a\nb\na\n").length, 1);
});
