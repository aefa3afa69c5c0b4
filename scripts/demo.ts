/**
 * Rune's main job, shown on a scratch directory: casts a service with a volume, restarts it, and shows that
 * the data is still there. A container where Docker answers, else a process. Stays up until Ctrl-C; with
 * `--once` it ends by itself, with exit code 0 only if the data survived. Every command shown is the one that
 * runs.
 * @module
 */
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { type Daemon, RUNE, startDaemon } from "./daemon.ts";
import { engineAnswers } from "./engine.ts";
import { removeLeftovers } from "./leftovers.ts";
import { setup } from "./setup.ts";
import { ROOT } from "./tree.ts";

/** What the demo casts: a castfile of `examples/`, adapted to this machine. */
interface Example {
  service: string;
  file: string;
  from: string;
  to: string;
  /** Where the service sees its volume. */
  data: string;
}

async function chooseExample(scratch: string): Promise<Example> {
  if (await engineAnswers()) {
    const image = await ensureTestImage();
    return { service: "web", file: "web.yaml", from: "busybox:1.36", to: image, data: "/var/lib/web" };
  }
  const folder = `${scratch}/.rune/volumes/agent`;
  return { service: "agent", file: "agent.yaml", from: "/srv/rune/agent", to: folder, data: folder };
}

/**
 * Runs a client command and shows it with its output. @returns its standard output. @throws {Error} if it
 * fails.
 */
async function rune(daemon: Daemon, args: string[], options: { input?: string; typed?: string } = {}) {
  const quoted = args.map((arg) => /[\s'"$>|]/.test(arg) ? `'${arg}'` : arg).join(" ");
  console.log(`\n$ ${options.typed ?? ""}rune ${quoted}`);
  const child = new Deno.Command(RUNE[0]!, {
    args: [...RUNE.slice(1), ...args],
    env: daemon.env,
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input));
    await writer.close();
  }
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  }
  const { code } = await child.status;
  if (code !== 0) throw new Error(`rune ${args[0]} failed with exit code ${code}`);
  return output;
}

/** Casts, writes, restarts, reads. @returns whether the data written before the restart is still there. */
async function show(daemon: Daemon, example: Example): Promise<boolean> {
  const { service, file, from, to, data } = example;
  const castfile = (await Deno.readTextFile(`${ROOT}/examples/${file}`)).replaceAll(from, to);
  await rune(daemon, ["cast", "-"], { input: castfile, typed: `sed 's|${from}|${to}|' examples/${file} | ` });
  await rune(daemon, ["status"]);
  await rune(daemon, ["get", "volumes"]);
  await rune(daemon, ["exec", service, "--", "sh", "-c", `echo kept > ${data}/note`]);
  await rune(daemon, ["logs", service]);
  await rune(daemon, ["restart", service]);
  await rune(daemon, ["get", "instances"]);
  await rune(daemon, ["logs", service]);
  const note = await rune(daemon, ["exec", service, "--", "cat", `${data}/note`]);
  const starts = await rune(daemon, ["exec", service, "--", "cat", `${data}/starts`]);
  return note === "kept\n" && starts === "started\nstarted\n";
}

/** Resolves at the first Ctrl-C or SIGTERM. */
function watchInterrupts(): { signal: Promise<void>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const onSignal = () => resolve();
  for (const name of signals) Deno.addSignalListener(name, onSignal);
  return {
    signal: promise,
    stop: () => signals.forEach((name) => Deno.removeSignalListener(name, onSignal)),
  };
}

async function main(argv: string[]): Promise<number> {
  const interrupt = watchInterrupts();
  const lacks = await setup();
  if (lacks.length > 0) console.log(`Missing: ${lacks.join(", ")}. The demo works without.`);
  const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-demo-" }));
  let daemon: Daemon | undefined;
  let service: string | undefined;
  let survived = false;
  try {
    const example = await chooseExample(scratch);
    daemon = await startDaemon(scratch);
    console.log(`$ rune serve --dev-mode --data-dir ${scratch}/.rune --http-addr ${daemon.url.slice(7)} &`);
    service = example.service;
    const shown = show(daemon, example);
    const outcome = await Promise.race([shown, interrupt.signal]);
    if (outcome === undefined) {
      console.log("\nInterrupted.");
      await shown.catch(() => {});
      return 130;
    }
    survived = outcome;
    console.log(survived ? "\nThe data survived the restart." : "\nThe data did not survive the restart.");
    if (survived && !argv.includes("--once")) {
      console.log(
        `Still up: RUNE_SERVER=${daemon.url}. Ctrl-C ends the demo and removes everything that it created.`,
      );
      await interrupt.signal;
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (daemon) console.error(`The end of the daemon's log:\n${await daemon.lastWords()}`);
  } finally {
    if (daemon && service) {
      await rune(daemon, ["service", "delete", service, "--yes"]).catch((e) => console.error(e.message));
    }
    await daemon?.stop();
    if (daemon) await removeLeftovers(`${scratch}/.rune`);
    await Deno.remove(scratch, { recursive: true });
    interrupt.stop();
  }
  return survived ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
