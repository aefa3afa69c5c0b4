/** Measures how long other tools take for the same 20 containers, if they are installed. @module */
import { ensureTestImage } from "../../runners/docker/test_image.ts";
import { capture, findProgram } from "../command.ts";
import { type Engine, engineAnswers, openEngine } from "../engine.ts";
import { timeWork } from "./lab.ts";
import { formatMs, makeSkippedRow, median, type Row } from "./measurement.ts";

const COUNT = 20;
const ROUNDS = 3;
const NAME = "rune-bench";
const BRIDGE = "docker_gwbridge";
const SCRIPT = "trap 'exit 0' TERM; sleep 1000000 & wait";

async function must(argv: string[]): Promise<void> {
  const { code, stderr } = await capture(argv);
  if (code !== 0) throw new Error(`${argv.slice(0, 3).join(" ")}: ${stderr.trim()}`);
}

function row(what: string, rounds: number[]): Row {
  const against = `median of ${ROUNDS}, to compare with the cast above`;
  return { what, measured: formatMs(median(rounds)), against, budget: "–" };
}

/** `docker-compose up -d --scale`, which returns once all are started. */
export async function measureCompose(): Promise<Row> {
  const what = `docker-compose up --scale s=${COUNT}`;
  if (findProgram("docker-compose") === undefined) {
    return makeSkippedRow(what, "docker-compose is not installed");
  }
  if (!await engineAnswers()) return makeSkippedRow(what, "no Docker Engine here");
  const folder = await Deno.makeTempDir({ prefix: "rune-bench-compose-" });
  try {
    const file = `${folder}/compose.json`;
    const s = { image: await ensureTestImage(), entrypoint: ["/bin/sh", "-c"], command: [SCRIPT] };
    await Deno.writeTextFile(file, JSON.stringify({ version: "3", services: { s } }));
    const compose = ["docker-compose", "-f", file, "-p", NAME];
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      try {
        rounds.push(await timeWork(() => must([...compose, "up", "-d", "--scale", `s=${COUNT}`])));
      } finally {
        await must([...compose, "down", "-t", "2"]);
      }
    }
    return row(what, rounds);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function countSwarmContainers(engine: Engine, filters: Record<string, string[]>): Promise<number> {
  const query = JSON.stringify({ label: [`com.docker.swarm.service.name=${NAME}`], ...filters });
  const found = await engine.call(`GET /containers/json?all=1&filters=${encodeURIComponent(query)}`);
  return (found as unknown[]).length;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error("the swarm did not finish within two minutes");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `docker service create --replicas` on a swarm of one node, created for this and dissolved afterwards. */
export async function measureSwarm(): Promise<Row> {
  const what = `docker service create --replicas ${COUNT}`;
  if (findProgram("docker") === undefined) return makeSkippedRow(what, "the docker command is not installed");
  if (!await engineAnswers()) return makeSkippedRow(what, "no Docker Engine here");
  const image = await ensureTestImage();
  const hadBridge = (await capture(["docker", "network", "inspect", BRIDGE])).code === 0;
  const joined = await capture(["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"]);
  if (joined.code !== 0) return makeSkippedRow(what, joined.stderr.trim().split("\n")[0]!);
  const engine = openEngine();
  try {
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const create = ["docker", "service", "create", "--detach", "--no-resolve-image", "--name", NAME];
      const replicas = ["--replicas", String(COUNT), "--stop-grace-period", "2s", "--entrypoint", "/bin/sh"];
      rounds.push(
        await timeWork(async () => {
          await must([...create, ...replicas, image, "-c", SCRIPT]);
          await until(async () => await countSwarmContainers(engine, { status: ["running"] }) === COUNT);
        }),
      );
      await must(["docker", "service", "rm", NAME]);
      await until(async () => await countSwarmContainers(engine, {}) === 0);
    }
    return row(what, rounds);
  } finally {
    engine.close();
    await must(["docker", "swarm", "leave", "--force"]);
    // The swarm leaves behind what it created for containers that never ran.
    const label = `label=com.docker.swarm.service.name=${NAME}`;
    const { stdout } = await capture(["docker", "ps", "--all", "--quiet", "--filter", label]);
    for (const id of stdout.split("\n").filter(Boolean)) await must(["docker", "rm", "--force", id]);
    // Joining a swarm creates this network, and leaving does not remove it.
    if (!hadBridge) await must(["docker", "network", "rm", BRIDGE]);
  }
}
