/**
 * Prepares this machine for the demo and every test: installs missing programs and starts a Docker Engine.
 * Only as root on Debian or Ubuntu; elsewhere it lists what is missing and continues. Running it again
 * changes nothing.
 * @module
 */
import { capture, findProgram, show } from "./command.ts";
import { ENGINE_SOCKET, engineAnswers } from "./engine.ts";

/** Programs that the tests use, with their Debian packages. */
const PACKAGES: Record<string, string> = {
  dockerd: "docker.io",
  busybox: "busybox-static",
  caddy: "caddy",
  "mkfs.ext4": "e2fsprogs",
  "mkfs.xfs": "xfsprogs",
  "mkfs.btrfs": "btrfs-progs",
  losetup: "mount",
  unshare: "util-linux",
  script: "bsdutils",
  getfattr: "attr",
  getfacl: "acl",
  "docker-registry": "docker-registry",
  htpasswd: "apache2-utils",
  openssl: "openssl",
  faketime: "faketime",
  zsh: "zsh",
  fish: "fish",
};

const ENGINE_START_MS = 60_000;

/** Whether a program is installed and usable: busybox must be static, to be an image of its own. */
function isPresent(program: string): boolean {
  const path = findProgram(program);
  if (path === undefined || program !== "busybox") return path !== undefined;
  const head = new Uint8Array(4096);
  using file = Deno.openSync(path);
  file.readSync(head);
  // A dynamic executable names its loader near its start.
  return !new TextDecoder("latin1").decode(head).includes("/ld-");
}

async function isDebian(): Promise<boolean> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
}

async function install(packages: string[]): Promise<boolean> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"];
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    const done = await capture([...apt, ...args], { env });
    if (done.code !== 0) {
      console.log(`setup: apt-get ${args[0]} failed: ${(done.stderr || done.stdout).trim()}`);
      return false;
    }
  }
  return true;
}

/** Debian's package starts a web server on port 80 at once; Rune only needs the program. */
async function quietCaddy(): Promise<void> {
  if (!await Deno.stat("/run/systemd/system").then(() => true, () => false)) return;
  console.log("setup: stopping caddy.service, which its package started");
  await capture(["systemctl", "disable", "--now", "caddy.service"]);
}

/** Removes a pid file whose process is another program: dockerd would refuse to start because of it. */
export async function dropStalePidFile(file: string, program: string): Promise<void> {
  const pid = (await Deno.readTextFile(file).catch(() => "")).trim();
  if (pid === "") return;
  const running = await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "");
  if (running.trim() === program) return;
  console.log(`setup: removing ${file}, left by a ${program} that is gone`);
  await Deno.remove(file);
}

/** Starts an Engine that outlives this process, and waits until it answers. */
async function startEngine(): Promise<boolean> {
  const log = await Deno.makeTempFile({ prefix: "dockerd-", suffix: ".log" });
  if (await Deno.stat("/run/systemd/system").then(() => true, () => false)) {
    console.log("setup: starting docker.service");
    await show(["systemctl", "start", "docker.service"]);
  } else {
    await dropStalePidFile("/var/run/docker.pid", "dockerd");
    await dropStalePidFile("/var/run/docker/containerd/containerd.pid", "containerd");
    console.log(`setup: starting dockerd, log in ${log}`);
    new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$1" >>"$2" 2>&1', "sh", findProgram("dockerd")!, log],
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn().unref();
  }
  const deadline = Date.now() + ENGINE_START_MS;
  while (Date.now() < deadline) {
    if (await engineAnswers()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
  console.log(
    `setup: no Engine answers on ${ENGINE_SOCKET}; the end of its log:\n${lines.slice(-5).join("\n")}`,
  );
  return false;
}

/**
 * Installs and starts what is missing, and prints one line for each.
 *
 * @returns what is still missing; empty if everything is there.
 */
export async function setup(): Promise<string[]> {
  const missingPrograms = () => Object.keys(PACKAGES).filter((program) => !isPresent(program));
  const isRoot = Deno.uid() === 0;
  const mayInstall = isRoot && await isDebian();
  const absent = missingPrograms();
  if (absent.length > 0 && mayInstall) {
    const packages = [...new Set(absent.map((program) => PACKAGES[program]!))];
    console.log(`setup: installing ${packages.join(" ")}`);
    if (await install(packages) && packages.includes("caddy")) await quietCaddy();
  }
  const lacks = missingPrograms().map((program) => `${program} (package ${PACKAGES[program]})`);
  if (!isRoot) lacks.unshift("root");
  if (!await engineAnswers()) {
    const started = isRoot && findProgram("dockerd") !== undefined && await startEngine();
    if (!started) lacks.push(`a Docker Engine on ${ENGINE_SOCKET}`);
  }
  return lacks;
}

if (import.meta.main) {
  const lacks = await setup();
  console.log(
    lacks.length === 0 ? "setup: everything is ready" : `setup: still missing: ${lacks.join(", ")}`,
  );
}
