/**
 * Creates a tree with all metadata that a faithful copy must keep, and lists it. For tests of drivers.
 * @module
 */
import { lstatSync } from "node:fs";
import { join, relative } from "node:path";

const AT_FDCWD = -100;
const NO_FOLLOW = 0x100;
const STATX_BASIC = 0x7ff;

// Deno has no calls for device nodes, extended attributes, and times with nanoseconds.
function withLibc<T>(work: (libc: ReturnType<typeof openLibc>["symbols"]) => T): T {
  const libc = openLibc();
  try {
    return work(libc.symbols);
  } finally {
    libc.close();
  }
}

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    mknod: { parameters: ["buffer", "u32", "u64"], result: "i32" },
    lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
    lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "isize" },
    utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
    statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  });
}

const text = (value: string) => new TextEncoder().encode(value + "\0");
const must = (result: number, what: string) => {
  if (result !== 0) throw new Error(`${what} failed`);
};

/** Creates the tree in an empty directory. Needs root, since it changes owners. */
export async function plantTree(root: string): Promise<void> {
  const at = (name: string) => join(root, name);
  await Deno.mkdir(at("dir/inner"), { recursive: true });
  await Deno.writeTextFile(at("dir/inner/plain"), "hello");
  await Deno.writeTextFile(at("odd name\n"), "x");
  await Deno.writeTextFile(at("owned"), "x");
  await Deno.chown(at("owned"), 1234, 4321);
  await Deno.chmod(at("owned"), 0o6751);
  await Deno.link(at("owned"), at("dir/linked"));
  await Deno.symlink("/etc/passwd", at("link"));
  await Deno.symlink("nowhere", at("dangling"));
  using sparse = await Deno.open(at("sparse"), { write: true, create: true });
  await sparse.truncate(64 << 20);
  await Deno.chmod(at("dir"), 0o2770);
  await Deno.chmod(root, 0o1755);
  withLibc((libc) => {
    must(libc.mknod(text(at("fifo")), 0o010640, 0n), "mkfifo");
    must(libc.mknod(text(at("socket")), 0o140600, 0n), "mknod");
    must(libc.lsetxattr(text(at("owned")), text("user.rune"), text("kept"), 5n, 0), "setxattr");
    const times = new BigInt64Array([1_500_000_000n, 123_456_789n, 1_500_000_001n, 987_654_321n]);
    must(libc.utimensat(AT_FDCWD, text(at("owned")), times, NO_FOLLOW), "utimensat");
    must(libc.utimensat(AT_FDCWD, text(at("link")), times, NO_FOLLOW), "utimensat");
    must(libc.utimensat(AT_FDCWD, text(root), times, NO_FOLLOW), "utimensat");
  });
}

/** Lists a directory and everything below it, one line each. Faithful copies have equal lists. */
export async function readTree(root: string): Promise<string[]> {
  const paths = await walk(root);
  const links = new Map<bigint, number>();
  const lines: string[] = [];
  for (const path of paths) {
    const info = lstatSync(path, { bigint: true });
    // Inodes are numbered in order of appearance, which shows hard links but no inode numbers.
    if (!links.has(info.ino)) links.set(info.ino, links.size);
    const contents = info.isFile()
      ? await digest(path)
      : info.isSymbolicLink()
      ? await Deno.readLink(path)
      : "";
    const whole = info.isFile() && info.size > 0n ? info.blocks * 512n >= info.size : true;
    lines.push(JSON.stringify({
      path: relative(root, path),
      mode: info.mode.toString(8),
      owner: `${info.uid}:${info.gid}`,
      inode: links.get(info.ino),
      nlink: info.isDirectory() ? 0 : Number(info.nlink),
      size: info.isDirectory() ? 0 : Number(info.size),
      whole,
      contents,
      ...withLibc((libc) => {
        const statx = new DataView(new ArrayBuffer(256));
        must(libc.statx(AT_FDCWD, text(path), NO_FOLLOW, STATX_BASIC, statx), "statx");
        const value = new Uint8Array(64);
        const length = Number(libc.lgetxattr(text(path), text("user.rune"), value, 64n));
        return {
          mtime: `${statx.getBigInt64(112, true)}.${statx.getUint32(120, true)}`,
          xattr: length > 0 ? new TextDecoder().decode(value.subarray(0, length)) : "",
        };
      }),
    }));
  }
  return lines;
}

async function walk(path: string): Promise<string[]> {
  const info = await Deno.lstat(path);
  if (!info.isDirectory) return [path];
  const names = (await Array.fromAsync(Deno.readDir(path))).map((entry) => entry.name).sort();
  return [path, ...(await Promise.all(names.map((name) => walk(join(path, name))))).flat()];
}

async function digest(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(hash).toHex();
}
