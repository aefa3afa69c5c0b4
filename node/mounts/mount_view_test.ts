import assert from "node:assert/strict";
import { scratchDirectory } from "../../drivers/conformance_trial.ts";
import { hasMountsOfItsOwn } from "./mount_view.ts";

/** A program with the name of an Engine, in its own mount namespace, that listens on a socket. */
async function startNamesake(socket: string, namespaces: string[]): Promise<AsyncDisposable> {
  const script = `use IO::Socket::UNIX; $0 = "dockerd"; $| = 1;
    my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die; print "ready\\n"; sleep 1000`;
  const child = new Deno.Command("unshare", {
    args: [
      ...namespaces,
      "--mount",
      "--propagation",
      "private",
      "perl",
      "-e",
      script,
      socket,
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

Deno.test({
  name:
    "hasMountsOfItsOwn() checks the Engine at the socket, and no other program with its name (needs root)",
  ignore: Deno.uid() !== 0,
  async fn() {
    const scratch = await scratchDirectory();
    const [ours, others] = ["ours.sock", "others.sock"].map((name) => `${scratch.path}/${name}`);
    try {
      assert.equal(await hasMountsOfItsOwn(ours!), false);
      {
        await using _elsewhere = await startNamesake(others!, []);
        assert.equal(await hasMountsOfItsOwn(ours!), false, "it listens elsewhere");
        assert.equal(await hasMountsOfItsOwn(others!), true, "it is the one");
        await Deno.symlink(scratch.path, `${scratch.path}/link`);
        assert.equal(await hasMountsOfItsOwn(`${scratch.path}/link/others.sock`), true, "by another name");
      }
      await using _container = await startNamesake(ours!, ["--pid", "--fork", "--kill-child"]);
      assert.equal(await hasMountsOfItsOwn(ours!), false, "in a container");
    } finally {
      await scratch.remove();
    }
  },
});
