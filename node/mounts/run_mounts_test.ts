import assert from "node:assert/strict";
import { scratchDirectory } from "../../drivers/conformance_trial.ts";
import { whereIs } from "../../drivers/open_directory.ts";
import { hasMounted } from "./run_mounts.ts";

const noRoot = Deno.uid() !== 0;

Deno.test({
  name: "hasMounted() finds out what a process has mounted, also after a move (needs root)",
  ignore: noRoot,
  async fn() {
    const scratch = await scratchDirectory();
    const at = (name: string) => `${scratch.path}/${name}`;
    for (const name of ["v/sub", "seen", "seen2"]) await Deno.mkdir(at(name), { recursive: true });
    const script = `mount --bind ${at("v")} ${at("seen")}; mount --bind ${at("v/sub")} ${at("seen2")}; ` +
      "echo ready; exec sleep 1000";
    const child = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", script],
      stdout: "piped",
    }).spawn();
    try {
      const reader = child.stdout.getReader();
      await reader.read();
      await reader.cancel();
      const { pid } = child;
      const [v, sub] = [await whereIs(at("v")), await whereIs(at("v/sub"))];
      assert.equal(await hasMounted({ pid }, [v, sub]), true);
      assert.equal(await hasMounted({ pid }, [v, await whereIs(at("seen"))]), false);
      // Other directories with the same names.
      await Deno.rename(at("v"), at("aside"));
      await Deno.mkdir(at("v/sub"), { recursive: true });
      assert.equal(await hasMounted({ pid }, [await whereIs(at("v"))]), false);
      assert.equal(
        await hasMounted({ pid }, [await whereIs(at("aside")), await whereIs(at("aside/sub"))]),
        true,
      );
      assert.equal(
        await hasMounted({ pid, container: "0".repeat(64) }, [v]),
        "unknown",
        "no container of this id",
      );
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await scratch.remove();
    }
  },
});

Deno.test("hasMounted() trusts a process in the daemon's mount namespace, and returns unknown for one that is gone", async () => {
  assert.equal(await hasMounted({ pid: Deno.pid }, [{ filesystem: "0:0", inFilesystem: "/no" }]), true);
  assert.equal(await hasMounted({ pid: 2 ** 22 + 1 }, []), "unknown");
});
