/**
 * The portable form of the program, for where `deno compile` cannot get its runtime: one executable file made
 * of a shell header and a gzip tar of a runtime and the bundled program. Its first start unpacks the tar into
 * the user's cache, in a folder named by the hash of its content, so that a new version never meets an old
 * one's files.
 * @module
 */
import { createHash } from "node:crypto";
import { capture } from "./command.ts";

/**
 * Options of the runtime. A daemon is idle most of the time, so a large young generation wastes memory.
 * Measured with 100 idle services: 94 MB with these options, 121 MB without, at the same speed.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--optimize-for-size";

// Unpacks beside the final directory and renames. Of two simultaneous first starts one wins, and both find a
// complete directory.
const HEADER = `#!/bin/sh
# Rune in its portable form: this header, then a gzip tar. It is unpacked once, below RUNE_CACHE_DIR where that is set.
set -eu
# For this header alone: the program gets the PATH that it was started with.
tools=\${PATH:-}:/usr/bin:/bin
if [ -n "\${RUNE_CACHE_DIR:-}" ]; then cache=$RUNE_CACHE_DIR
elif [ -n "\${XDG_CACHE_HOME:-}" ]; then cache=$XDG_CACHE_HOME/rune
elif [ -n "\${HOME:-}" ]; then cache=$HOME/.cache/rune
elif [ "$(PATH=$tools; id -u)" = 0 ]; then cache=/var/cache/rune
else echo "rune: HOME is not set; set RUNE_CACHE_DIR to a folder of your own" >&2; exit 1
fi
app=$cache/@HASH@
# An "&&" chain, for set -e has no effect inside "||"; tar itself runs gzip, so that it knows when gzip fails.
[ -d "$app" ] || (
  PATH=$tools && umask 077 && mkdir -p "$cache" && part=$(mktemp -d "$cache/.part-XXXXXX") &&
    trap 'rm -rf "$part"' EXIT && trap 'exit 130' HUP INT TERM &&
    tail -c +@OFFSET@ "$0" | tar -xzf - -C "$part" 2>/dev/null &&
    { mv -T "$part" "$app" 2>/dev/null || [ -d "$app" ]; }
) || { echo "rune: cannot unpack into $app; free 150 MB there, or set RUNE_CACHE_DIR" >&2; exit 1; }
DENO_DIR=\${DENO_DIR:-$cache/deno} DENO_NO_UPDATE_CHECK=1 RUNE_PROGRAM=$0 exec "$app/deno" run -A --quiet --no-config --no-lock \\
  ${V8_FLAGS} --cached-only --unstable-kv --unstable-net --unstable-no-legacy-abort "$app/main.js" "$@"
`;

/**
 * Packs a directory with `deno` (the runtime) and `main.js` (the program) into one executable file.
 *
 * @param folder the directory; everything in it is packed.
 * @param out path of the file to write, replacing an existing one.
 * @throws {Error} if tar fails.
 */
export async function packPortable(folder: string, out: string): Promise<void> {
  const sameEverywhere = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  const payload = `${out}.payload`;
  try {
    const tar = await capture(["tar", ...sameEverywhere, "-I", "gzip -n", "-cf", payload, "-C", folder, "."]);
    if (tar.code !== 0) throw new Error(`cannot pack ${folder}: ${tar.stderr.trim()}`);
    const bytes = await Deno.readFile(payload);
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
    const offset = (size: number) => String(size).padStart(8, "0");
    const header = HEADER.replace("@HASH@", hash).replace("@OFFSET@", offset(0));
    const headerSize = new TextEncoder().encode(header).length;
    await Deno.writeTextFile(out, header.replace(`+${offset(0)}`, `+${offset(headerSize + 1)}`));
    await Deno.writeFile(out, bytes, { append: true });
    await Deno.chmod(out, 0o755);
  } finally {
    await Deno.remove(payload).catch(() => {});
  }
}
