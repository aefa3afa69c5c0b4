/**
 * A Docker Engine for one test, which may be stopped and killed: the machine's own Engine serves other tests.
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
   * @param options.keepsContainers containers keep running while it is down, and it adopts them again
   * (`--live-restore`).
   */
  start(options?: { keepsContainers?: boolean }): Promise<void>;
  /**
   * With SIGTERM its containers end too, unless it keeps them; with SIGKILL they keep running. Resolves when
   * it is gone.
   */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** While it is stopped: removes all its data, as if on another disk, without touching what still runs. */
  empty(): Promise<void>;
}

/** How long an orderly removal may take before it is killed. */
const EMPTY_MS = 30_000;

/**
 * Creates an Engine without starting it. Needs root.
 *
 * @param options.ownMounts it does not see mounts created after its start.
 */
export async function makePrivateEngine({ ownMounts = false } = {}): Promise<PrivateEngine> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-engine-" });
  const socket = `${dir}/docker.sock`;
  // Its bridges are in its own network namespace, which lasts as long as this process: an Engine takes the
  // machine's default bridge for its own, and removes it if it is told to run without one.
  // default bridge for its own, and removes it when it is told to do without.
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
    // If it is asked to start a container while it stops, the Engine may leave that container's files
    // mounted, and the next one cannot remove them.
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
        // Logged rather than thrown: earlier errors matter more, and everything is removed anyway.
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

/**
 * Processes that the Engine started and left: its containerd and shims have the directory in their arguments.
 */
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
