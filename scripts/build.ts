/**
 * Makes `dist/rune`, one executable file: with `deno compile` where its runtime can be downloaded, else in
 * the portable form. `--compile` asks for the first alone.
 * @module
 */
import { capture, show } from "./command.ts";
import { packPortable, V8_FLAGS } from "./portable.ts";
import { ROOT } from "./tree.ts";

const OUT = `${ROOT}/dist/rune`;
/** Built here and renamed at the end, because OUT may be running. */
const NEW = `${OUT}.new`;

/**
 * Facts for `rune version`: the commit, marked if the tree differs from it, and the time (or
 * SOURCE_DATE_EPOCH).
 */
async function buildFacts(): Promise<{ commit?: string; builtAt: string }> {
  const commit = await capture(["git", "rev-parse", "--short=12", "HEAD"], { cwd: ROOT });
  const changed = await capture(["git", "status", "--porcelain", "--untracked-files=no"], { cwd: ROOT });
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
  return {
    ...(commit.code === 0 && { commit: commit.stdout.trim() + (changed.stdout === "" ? "" : "-changed") }),
    builtAt: (epoch ? new Date(Number(epoch) * 1000) : new Date()).toISOString(),
  };
}

/** Writes a copy of the configuration in which `#build` holds these facts. @returns its path. */
async function writeConfig(folder: string): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  await Deno.writeTextFile(`${folder}/build.json`, JSON.stringify(await buildFacts()));
  config.imports["#build"] = `${folder}/build.json`;
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  return `${folder}/deno.json`;
}

async function compile(config: string): Promise<string | undefined> {
  const command = [
    Deno.execPath(),
    "compile",
    "--no-check",
    "-A",
    V8_FLAGS,
    "--config",
    config,
    "--lock",
    "deno.lock",
  ];
  const done = await capture([...command, "-o", NEW, "main.ts"], { cwd: ROOT });
  return done.code === 0 ? undefined : done.stderr.trim();
}

async function buildPortable(config: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rune-build-" });
  try {
    const bundle = ["bundle", "--quiet", "--platform", "deno", "--config", config, "--lock", "deno.lock"];
    bundle.push("-o", `${folder}/main.js`, "main.ts");
    const bundled = await capture([Deno.execPath(), ...bundle], { cwd: ROOT });
    if (bundled.code !== 0) throw new Error(`deno bundle failed: ${bundled.stderr.trim()}`);
    await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
    await packPortable(folder, NEW);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Builds, checks that the result starts, and reports it. @returns the exit code. */
async function main(argv: string[]): Promise<number> {
  await Deno.mkdir(`${ROOT}/dist`, { recursive: true });
  await Deno.remove(NEW).catch(() => {});
  // Separate from the build, so that a type error is never mistaken for a missing runtime.
  if (await show([Deno.execPath(), "check", "--quiet", "main.ts"], { cwd: ROOT }) !== 0) return 1;
  const folder = await Deno.makeTempDir({ prefix: "rune-build-" });
  try {
    return await build(await writeConfig(folder), argv);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function build(config: string, argv: string[]): Promise<number> {
  const failure = await compile(config);
  if (failure !== undefined && argv.includes("--compile")) {
    console.error(failure);
    return 1;
  }
  if (failure !== undefined) {
    console.log(
      "deno compile did not work here (`deno task compile` says why): making the portable form",
    );
    await buildPortable(config);
  }
  const form = failure === undefined
    ? "compiled"
    : "portable: unpacks into the user's cache at its first start";
  const started = await capture([NEW, "version"]);
  if (started.code !== 0) {
    console.error(`the built program does not start: ${started.stderr.trim()}`);
    return 1;
  }
  await Deno.rename(NEW, OUT);
  const size = (await Deno.stat(OUT)).size;
  console.log(`dist/rune, ${(size / 1e6).toFixed(0)} MB, ${form}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
