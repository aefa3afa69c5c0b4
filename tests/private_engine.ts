/**
 * A Docker Engine of a test's own, that may be stopped and killed: the machine's own serves others too.
 * @module
 */
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { capture, findProgram } from "../scripts/command.ts";
import { engineAnswers, openEngine } from "../scripts/engine.ts";
import { until } from "./host.ts";

/** Disposing of it removes its containers, networks, mounts and files, in whatever state it is. */
export interface PrivateEngine extends AsyncDisposable {
  socket: string;
  /**
   * @param options.keepsContainers containers go on while it is down, and it takes them up again
   * (`--live-restore`).
   */
  start(options?: { keepsContainers?: boolean }): Promise<void>;
  /** SIGTERM: its containers end with it, unless it keeps them. SIGKILL: they go on. Back when it is gone. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** While it is stopped: takes all its data away, as for another disk, and leaves what still runs alone. */
  empty(): Promise<void>;
}

/** How long it may take to remove all in order; then it is killed. */
const EMPTY_MS = 30_000;

/**
 * Makes an Engine that is not started yet. Needs root.
 *
 * @param options.ownMounts it sees no mount that is made after its start.
 */
export async function makePrivateEngine({ ownMounts = false } = {}): Promise<PrivateEngine> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-engine-" });
  const socket = `${dir}/docker.sock`;
  // Its bridges are in a network namespace of its own, which lasts as long as this process: an Engine takes
  // the machine's default bridge for its own, and removes it when it is told to do without.
  const room = new Deno.Command("unshare", { args: ["--net", "sleep", "infinity"], stdin: "null" }).spawn();
  const own = await Deno.readLink("/proc/self/ns/net");
  await until(
    "there is a network namespace",
    async () => await Deno.readLink(`/proc/${room.pid}/ns/net`) !== own,
  );
  let child: Deno.ChildProcess | undefined;

  async function start({ keepsContainers = false } = {}): Promise<void> {
    const args = ["--data-root", `${dir}/data`, "--exec-root", `${dir}/exec`, "--pidfile", `${dir}/pid`];
    child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        'log=$1; shift; exec "$@" >>"$log" 2>&1',
        "sh",
        `${dir}/log`,
        "nsenter",
        `--net=/proc/${room.pid}/ns/net`,
        ...ownMounts ? ["unshare", "--mount", "--propagation", "private"] : [],
        findProgram("dockerd")!,
        ...args,
        "--iptables=false",
        "-H",
        `unix://${socket}`,
        `--live-restore=${keepsContainers}`,
      ],
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until("the test's own Engine answers", () => engineAnswers(socket)).catch(async (error) => {
      throw new Error(`${error.message}:\n${(await Deno.readTextFile(`${dir}/log`)).slice(-2000)}`);
    });
    await ensureTestImage(socket);
  }

  async function stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    child?.kill(signal);
    await child?.status;
    child = undefined;
    // Asked to start a container while it stops, the Engine may leave that one's files mounted; the next
    // cannot remove it then.
    if (signal === "SIGTERM") await unmountBelow(`${dir}/data`);
  }

  return {
    socket,
    start,
    stop,
    async empty() {
      // Containers have views of their own.
      await unmountBelow(dir);
      for (const part of ["data", "exec"]) await Deno.rename(`${dir}/${part}`, `${dir}/former-${part}`);
    },
    async [Symbol.asyncDispose]() {
      const inOrder = async () => {
        if (!child) await start();
        await emptyEngine(socket);
        await stop("SIGTERM");
      };
      let late: ReturnType<typeof setTimeout> | undefined;
      const orderly = inOrder().catch(async (error) => {
        // Said, not thrown: what went wrong before it matters more, and all goes with the rest.
        console.log(`the test's own Engine could not be emptied: ${error}`);
        console.log((await Deno.readTextFile(`${dir}/log`)).slice(-4000));
      });
      await Promise.race([orderly, new Promise((resolve) => late = setTimeout(resolve, EMPTY_MS))]);
      clearTimeout(late);
      await stop("SIGKILL");
      await orderly;
      await endProcesses(dir);
      await unmountBelow(dir);
      room.kill("SIGKILL");
      await room.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function emptyEngine(socket: string): Promise<void> {
  const engine = openEngine(socket);
  try {
    const containers = await engine.call("GET /containers/json?all=1") as { Id: string }[];
    await Promise.all(containers.map(({ Id }) => engine.call(`DELETE /containers/${Id}?force=1`)));
    const networks = await engine.call("GET /networks") as { Id: string; Name: string; Driver: string }[];
    for (const { Id, Name, Driver } of networks) {
      if (Driver === "bridge" && Name !== "bridge") await engine.call(`DELETE /networks/${Id}`);
    }
  } finally {
    engine.close();
  }
}

/** What the Engine had started and left: its containerd and shims name the directory in their arguments. */
async function endProcesses(dir: string): Promise<void> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (!command.includes(`${dir}/`)) continue;
    try {
      Deno.kill(Number(name), "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
}

async function unmountBelow(dir: string): Promise<void> {
  const paths = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) =>
    line.split(" ")[1] ?? ""
  )
    .filter((path) => path.startsWith(`${dir}/`));
  for (const path of paths.reverse()) await capture(["umount", "-l", path]);
}
