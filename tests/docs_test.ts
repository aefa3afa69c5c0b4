/**
 * Runs the commands of README.md and docs/ page by page, in order, on a daemon in dev mode with its own home.
 * Castfiles are only dry-run, unless commands name them. It takes minutes, so set `RUNE_DOCS=all`, or a part
 * of a page's path, as the nightly run does.
 * @module
 */
import assert from "node:assert/strict";
import { type Block, readBlocks, readPages } from "../scripts/doc_blocks.ts";
import { type Daemon, denoDir, RUNE, startDaemon } from "../scripts/daemon.ts";
import { removeLeftovers } from "../scripts/leftovers.ts";
import { ROOT } from "../scripts/tree.ts";
import { parseCastfile } from "../model/castfile.ts";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { type Scene, SCENES } from "./docs_scenes.ts";
import { startDroplet } from "./droplet.ts";
import { noDocker, noLoopDevices, noRoot } from "./skips.ts";

/** A command of the documentation may wait for a container to stop. */
const LIMIT_MS = 5 * 60_000;

const PROGRAM = RUNE.map((word) => `'${word}'`).join(" ");

/** What this shell lacks compared with a reader's. A daemon is already running. */
const SHELL = `set -e
rune() {
  case " $* " in
    " serve "*) ;;
    *" -f "*|*" --watch "*) timeout 10 ${PROGRAM} "$@" || [ $? = 124 ] ;;
    *) ${PROGRAM} "$@" ;;
  esac
}
sudo() { "$@"; }
`;

interface Reader {
  home: string;
  dir: string;
  daemon: Daemon;
  image: string;
}

/** Replaces what is different on the reader's machine. */
const putInstead = (text: string, { instead = {} }: Scene) =>
  Object.entries(instead).reduce((all, [name, here]) => all.replaceAll(name, here), text);

/** Replaces every image by a local one. */
const adapt = (text: string, image: string, scene: Scene = {}) =>
  putInstead(text, scene).replaceAll(/\bimage: [\w./:-]+/g, `image: ${image}`);

async function runScript(reader: Reader, script: string, what: string): Promise<void> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", SHELL + script],
    cwd: reader.dir,
    env: { ...reader.daemon.env, HOME: reader.home, DENO_DIR: await denoDir(), NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  assert.equal(code, 0, `${what}\n${script}\n${text.decode(stdout)}${text.decode(stderr)}`);
}

/** A block of the page as its reader runs it. */
async function useBlock(
  reader: Reader,
  { language, text, file, page, line }: Block,
  scene: Scene,
): Promise<void> {
  const what = `${page}:${line}`;
  if (language === "sh") {
    const before = Object.entries(scene.before ?? {}).find(([start]) => text.startsWith(start))?.[1];
    if (before !== undefined) await runScript(reader, before, `${what}, before it`);
    return await runScript(
      reader,
      putInstead(text, scene).replaceAll(
        "<id>",
        "$(rune admin token list -o name | head -n 1 | cut -d/ -f2)",
      ),
      what,
    );
  }
  if (language !== "yaml") return;
  if (file !== undefined) await Deno.writeTextFile(`${reader.dir}/${file}`, adapt(text, reader.image, scene));
  const { resources, issues } = parseCastfile(text, { file: page, namespace: "default" });
  if (issues.length > 0 || resources.length === 0) return;
  await Deno.writeTextFile(`${reader.dir}/block.yaml`, adapt(text, reader.image, scene));
  await runScript(reader, "rune cast --dry-run block.yaml", what);
}

async function readPage(blocks: Block[], scene: Scene): Promise<void> {
  if (!scene.droplet) return await readOn({}, { blocks, scene });
  await using droplet = await startDroplet();
  const instead = { ...scene.instead, "dop_v1_<your-token>": droplet.token };
  await readOn(droplet, { blocks, scene: { ...scene, instead } });
}

async function readOn(
  { runefile }: { runefile?: string },
  { blocks, scene }: { blocks: Block[]; scene: Scene },
): Promise<void> {
  const image = await ensureTestImage();
  const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-docs-" }));
  const dataDir = `${home}/.rune/data`;
  const config = `${home}/droplet.yaml`;
  if (runefile !== undefined) await Deno.writeTextFile(config, runefile);
  const args = runefile === undefined ? [] : ["--config", config];
  const daemon = await startDaemon(home, { dataDir, args });
  const reader: Reader = { home, dir: `${home}/work`, daemon, image };
  try {
    await Deno.mkdir(`${reader.dir}/examples`, { recursive: true });
    for (const { name } of Deno.readDirSync(`${ROOT}/examples`)) {
      const text = await Deno.readTextFile(`${ROOT}/examples/${name}`);
      await Deno.writeTextFile(`${reader.dir}/examples/${name}`, adapt(text, image));
    }
    for (const [name, text] of Object.entries(scene.files ?? {})) {
      await Deno.writeTextFile(`${reader.dir}/${name}`, text.replaceAll("IMAGE", image));
    }
    if (scene.cast !== undefined) {
      await Deno.writeTextFile(`${reader.dir}/scene.yaml`, scene.cast.replaceAll("IMAGE", image));
      await runScript(reader, "rune cast scene.yaml", "the scene");
    }
    for (const block of blocks) if (block.notRun === undefined) await useBlock(reader, block, scene);
  } finally {
    await daemon.stop();
    await removeLeftovers(dataDir);
    await Deno.remove(home, { recursive: true });
  }
}

const wanted = Deno.env.get("RUNE_DOCS");
for (const [page, text] of wanted === undefined ? [] : await readPages()) {
  const blocks = readBlocks(page, text).filter(({ language }) => ["sh", "yaml"].includes(language));
  if (blocks.length === 0 || wanted !== "all" && !page.includes(wanted!)) continue;
  Deno.test({
    name: `the commands and castfiles of ${page} work as printed`,
    ignore: noDocker || noRoot || SCENES[page]?.droplet === true && noLoopDevices,
    fn: () => readPage(blocks, SCENES[page] ?? {}),
  });
}
