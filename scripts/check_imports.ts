/**
 * Checks the architecture: imports go one way between the rooms, and files keep a few rules. Deno itself
 * resolves the imports (`deno info`), so the check sees what runs.
 * @module
 */
import { findCircles } from "./circles.ts";
import { capture } from "./command.ts";
import { isOutsideProgram, listFiles, ROOT } from "./tree.ts";

const CONTRACTS = [
  "drivers/driver.ts",
  "drivers/built_in.ts",
  "runners/runner.ts",
  "node/proxy/proxy.ts",
];
/** What other rooms know about a machine: calls that can cross a wire, and their data. */
const NODES = ["node/node.ts", "node/placement.ts", "node/volume_call.ts"];
const NODE_CONTRACT = [
  ...NODES,
  "node/node_driver.ts",
  "node/node_runner.ts",
  "node/volumes.ts",
  "node/files.ts",
  "node/probes/tracker.ts",
];
const DRIVERS_BY_NAME = ["drivers/registry.ts", "drivers/built_in.ts"];
/** The parts of the store for code that reads and writes resources, and reads the values of secrets. */
const STORE = ["store/store.ts", "store/secrets/vault.ts"];
/**
 * What the controllers know and others ask for. These files only read the store, or what controllers left.
 */
const ANSWERS = {
  data: "reconcile/config/data.ts",
  filesystem: "reconcile/volume/other_filesystem.ts",
  keptLogs: ["reconcile/kept_logs/kept_logs.ts", "reconcile/kept_logs/keep_last.ts"],
  unstored: "reconcile/instance/unstored.ts",
  versions: ["reconcile/service/revert.ts", "reconcile/service/revisions.ts"],
  snapshots: ["reconcile/snapshot/limits.ts", "reconcile/snapshot/writers.ts"],
};
const NO_OWNER = /(^|\/)(utils?|helpers?|common|manager)(_[a-z_]+)?(\.ts|\/)/;

/**
 * Rules for ordered rooms, lowest first. Each may import the rooms before it and the places beside it, so no
 * two import each other.
 */
function layers(rooms: [room: string, outside: string[]][]): Record<string, string[]> {
  return Object.fromEntries(
    rooms.map(([room, outside], i) => [room, [...outside, ...rooms.slice(0, i).map(([below]) => below)]]),
  );
}

/** The rooms of the server, lowest first, and what each may import from outside. */
const SERVER: [room: string, outside: string[]][] = [
  ["server/http/", ["base/", "model/"]],
  ["server/identity/", [
    "base/",
    "model/",
    "store/store.ts",
    "runners/engine_bond.ts",
    "node/installation.ts",
  ]],
  ["server/auth/", ["base/", "model/", "store/store.ts", "drivers/secret_parameters.ts"]],
  ["server/admission/", [
    "base/",
    "model/",
    ...STORE,
    ANSWERS.data,
    ...ANSWERS.snapshots,
    "drivers/driver.ts",
    "drivers/named_data.ts",
    "drivers/secret_parameters.ts",
  ]],
  ["server/backup/", [
    "base/",
    "model/",
    ...STORE,
    "store/backup_source.ts",
    ...NODES,
    "node/node_driver.ts",
    "drivers/driver.ts",
  ]],
  ["server/metrics/", [
    "base/",
    "model/",
    "store/store.ts",
    "reconcile/start.ts",
    ...NODES,
    "node/observer.ts",
  ]],
  ["server/api/", [
    "base/",
    "model/",
    ...STORE,
    ANSWERS.data,
    ANSWERS.filesystem,
    ...ANSWERS.keptLogs,
    ANSWERS.unstored,
    ...ANSWERS.versions,
    ...NODES,
    "node/node_runner.ts",
    "drivers/driver.ts",
    "drivers/secret_parameters.ts",
    "runners/runner.ts",
  ]],
  ["server/daemon/", [
    "base/",
    "model/",
    "store/store.ts",
    "store/secrets/kek.ts",
    ...DRIVERS_BY_NAME,
  ]],
  ["server/restore/", [
    "base/",
    "model/",
    ...STORE,
    "store/restore_target.ts",
    "node/driver_calls.ts",
    "node/node_driver.ts",
    "node/volume_call.ts",
    "drivers/registry.ts",
    "runners/engine_bond.ts",
  ]],
];

/** The rooms of the client, lowest first, and what each may import from outside. */
const CLI: [room: string, outside: string[]][] = [
  "cli/terminal/",
  "cli/files/",
  "cli/client/",
  "cli/waiting/",
  "cli/describe/",
  "cli/commands/",
]
  .map((room) => [room, ["base/", "model/"]]);

/** What production files of a room may import from outside it. `/` at the end means the whole folder. */
const MAY_IMPORT: Record<string, string[]> = {
  "base/": [],
  "model/": ["base/"],
  "store/": ["base/", "model/"],
  "drivers/": ["base/", "model/"],
  "runners/": ["base/", "model/"],
  "node/": [
    "base/",
    "model/",
    "store/store.ts",
    "store/secrets/vault.ts",
    "drivers/",
    "runners/",
    "node/proxy/",
  ],
  "node/proxy/": ["base/", "model/"],
  "reconcile/": [
    "base/",
    "model/",
    ...STORE,
    ...NODE_CONTRACT,
    // The controllers assemble what runs get from secrets.
    "node/secret_refs.ts",
    "drivers/named_data.ts",
    ...CONTRACTS,
  ],
  ...layers(SERVER),
  "server/daemon/daemon.ts": [
    "base/",
    "model/",
    ...STORE,
    "reconcile/start.ts",
    ANSWERS.unstored,
    "reconcile/kept_logs/kept_logs.ts",
    "drivers/registry.ts",
    "runners/docker/registry_auth.ts",
    "node/",
    "node/proxy/",
    ...SERVER.map(([room]) => room),
  ],
  "server/restore/still_running.ts": ["base/", "model/", "runners/", "node/proxy/", "server/identity/"],
  ...layers(CLI),
  "cli/main.ts": ["base/", "model/", ...CLI.map(([room]) => room)],
  "main.ts": ["base/plain_text.ts"],
};

/** May only be imported with `await import()`, so that a client never loads the daemon. */
const MAY_LOAD: Record<string, string[]> = {
  "main.ts": ["cli/main.ts", "server/daemon/serve.ts", "server/restore/offline.ts"],
};

/** Text that only some production files may contain. `room` limits the rule to one room. */
const RESERVED: { text: RegExp; what: string; allowed: string[]; room?: string }[] = [
  {
    // A driver must never be called with the text of a reference: docs/decisions/0051.
    text: /\bas (unknown as )?PlainParameters\b/,
    what: "parameters taken for plain (use resolveContext() of node/volume_context.ts)",
    allowed: ["node/secret_refs.ts", "drivers/conformance_trial.ts"],
  },
  { text: /\bDeno\.exit\(/, what: "Deno.exit", allowed: ["main.ts", "scripts/"] },
  {
    text: /\bnew Deno\.Command\(/,
    what: "new Deno.Command",
    allowed: [
      "drivers/host.ts",
      "runners/process/",
      "runners/docker/kernel_log.ts",
      "node/proxy/caddy/caddy_process.ts",
      "scripts/",
    ],
  },
  {
    // A single write may take fewer bytes than it is passed, for example on a full disk. The writer of a
    // WritableStream may not, so its users are listed.
    text: /\.write(Sync)?\(/,
    what: "a write that may be short (use writeAll() of base/durable.ts)",
    allowed: [
      "base/durable.ts",
      "runners/conformance.ts",
      "runners/process/exec.ts",
      "runners/process/spawn.ts",
      "server/restore/import_volumes.ts",
      "server/api/streams/exec_input.ts",
      "server/api/streams/exec_socket.ts",
      // Its own write, which waits.
      "cli/client/exec_session.ts",
      "cli/commands/backup.ts",
      "cli/commands/logs.ts",
    ],
  },
  {
    // Other people's text reaches the terminal as plain text, through cli/terminal/terminal.ts; the daemon's
    // log escapes its own.
    text: /\bDeno\.(stdout|stderr)\b|\bconsole\./,
    what: "output past the terminal (use terminal.out() or err(), or the logger)",
    allowed: ["cli/terminal/terminal.ts", "server/daemon/logging.ts", "main.ts", "scripts/"],
  },
  {
    // Each of these holds what a slow reader has not read yet. To add one, bound it in bytes, explain the
    // bound here, and add a kind of stream to tests/slow_readers_test.ts or tests/exec_flow_test.ts:
    // docs/decisions/0023.
    text: /\bnew (Readable|Writable|Transform)Stream\b|\bnew Channel\b|\bbufferedAmount\b|\.shift\(\)/,
    what:
      "a queue: what may wait in it must be bounded in bytes (use Channel, or say in scripts/check_imports.ts how)",
    allowed: [
      // The queue itself, and its users, which set a limit.
      "server/http/channel.ts",
      "server/auth/audit.ts",
      "server/api/streams/log_stream.ts",
      // Pulled: one event or chunk for each that was read.
      "server/api/streams/sse.ts",
      "server/auth/stream_end.ts",
      "server/backup/",
      "server/restore/import_volumes.ts",
      "drivers/archive.ts",
      "runners/process/log_reader.ts",
      "runners/docker/connection.ts",
      "runners/docker/exec.ts",
      "runners/docker/limits.ts",
      // One frame of at most 1 MiB; one part of a line of 64 KiB for each stream.
      "runners/docker/frames.ts",
      // One chunk from the Engine, requested when it is needed.
      "runners/docker/image_files.ts",
      "runners/docker/logs.ts",
      // As much as was granted; the writer waits.
      "server/api/streams/exec_socket.ts",
      "cli/client/exec_session.ts",
      "runners/process/exec.ts",
      // 1,024 events, then one that stands for all others.
      "runners/process/event_hub.ts",
      // Transactions, one per waiting request.
      "store/writer.ts",
      // The words of one command line.
      "cli/client/disk_usage.ts",
    ],
  },
  {
    // Serial work: how a failure affects waiters, and when nothing is left to wait for, is decided in one
    // place.
    text: /\b(\w+) = (this\.#?)?\1\.(then|catch)\(|\btryLock(Sync)?\(/,
    what: "a lock by hand (use KeyedLock of base/keyed_lock.ts, or lockFile() of base/file_lock.ts)",
    allowed: [
      "base/file_lock.ts",
      // Ends with the first failure.
      "cli/client/exec_session.ts",
    ],
  },
  {
    // It is not on disk when it returns, and not complete for concurrent readers.
    text: /\b(Deno\.(writeTextFile|writeFile|create)|writeFile|appendFile)(Sync)?\(/,
    what: "a file that is not durable (use replaceFile() of base/durable.ts)",
    allowed: [
      "drivers/conformance.ts",
      "drivers/conformance_tree.ts",
      // It writes to the kernel, which keeps no file.
      "drivers/digitalocean/device.ts",
      "drivers/loop_test_driver.ts",
      // Files of the kernel.
      "runners/process/cgroup.ts",
      "runners/process/pause.ts",
      // Output, and scripts that each start writes again.
      "runners/process/log_file.ts",
      "runners/process/runner.ts",
      "runners/process/supervisor.ts",
      // They live for one run.
      "runners/process/spawn.ts",
      "node/run_files.ts",
      // Empty; SQLite fills and syncs them.
      "store/copy.ts",
      "store/state_file.ts",
    ],
  },
  {
    // Code that asks what a driver can do reads its capabilities: docs/decisions/0052.
    text: /["'`]local["'`]|local-host/,
    what: "the name of a driver (ask its capabilities, or drivers/registry.ts)",
    allowed: [
      "drivers/built_in.ts",
      // Text of the documentation.
      "model/field_docs/",
      "drivers/local/",
      "drivers/local_host/",
      // Examples name the storage class of a fresh store.
      "cli/commands/volume_create.ts",
      // Other things with that name: a top-level domain, and a log driver and volume driver of the Engine.
      "node/proxy/caddy/public_name.ts",
      "runners/docker/container_config.ts",
      "runners/docker/engine_mark.ts",
    ],
  },
  {
    // Computes how long ago something happened, on a clock that may be set: docs/decisions/0009.
    text: /(getTime|Date\.now)\(\) - Date\.parse\(|Date\.parse\([^)]*\) - (now|Date\.now)\b/,
    what: "a span between a stored time and now",
    allowed: ["base/clock.ts", "base/backoff.ts"],
    room: "reconcile/",
  },
];

/** One import of a file, with both paths relative to the root. */
export interface Import {
  from: string;
  to: string;
  dynamic: boolean;
}

const isWithin = (path: string, places: string[]) =>
  places.some((place) => place.endsWith("/") ? path.startsWith(place) : path === place);

const ROOMS = Object.keys(MAY_IMPORT).filter((name) => name.endsWith("/"));

/** The innermost room of a file; undefined if it is in none. */
function roomOf(path: string): string | undefined {
  return ROOMS.filter((room) => path.startsWith(room)).sort((a, b) => b.length - a.length)[0];
}

/**
 * Whether a room may import a file, by the file's name or by its room. A nested room must be named itself.
 */
const isAllowed = (path: string, places: string[]) =>
  places.some((place) =>
    place === path || (place.endsWith("/") && path.startsWith(place) && !isInner(path, place))
  );

/** Whether a file is in a room nested inside a place. */
function isInner(path: string, place: string): boolean {
  const room = roomOf(path) ?? "";
  return room !== place && room.startsWith(place);
}

/** Violations by imports, one line each. Tests and scripts may import anything. */
export function checkImports(imports: Import[]): string[] {
  const found: string[] = [];
  for (const { from, to, dynamic } of imports) {
    if (isOutsideProgram(from)) continue;
    const room = roomOf(from);
    if (room !== undefined && room === roomOf(to) && !isOutsideProgram(to)) continue;
    const rule = MAY_IMPORT[from] ?? MAY_IMPORT[room ?? ""];
    const allowed = [...(rule ?? []), ...(dynamic ? MAY_LOAD[from] ?? [] : [])];
    if (rule === undefined) found.push(`${from}: no room has this name; see scripts/check_imports.ts`);
    else if (!isAllowed(to, allowed)) {
      const loadable = MAY_LOAD[from]?.includes(to) ? "only with await import()" : "";
      found.push(`${from}: may not import ${to}${loadable && `, ${loadable}`}`);
    }
  }
  return found;
}

/**
 * Permits of single files that no file of the room uses, one line each: a row must describe what is, not what
 * was.
 */
export function findUnusedPermits(imports: Import[]): string[] {
  const used = new Set(
    imports.filter(({ from }) => !isOutsideProgram(from)).flatMap(({ from, to }) => [
      `${MAY_IMPORT[from] === undefined ? roomOf(from) : from} ${to}`,
    ]),
  );
  return Object.entries(MAY_IMPORT).flatMap(([room, places]) =>
    places.filter((place) => place.endsWith(".ts") && !used.has(`${room} ${place}`))
      .map((place) =>
        `scripts/check_imports.ts: ${room} may import ${place}, but does not; remove the permit`
      )
  );
}

/** Violations of the rules for files, one line each. @param text the file's text. */
export function checkFile(path: string, text: string): string[] {
  const found: string[] = [];
  if (NO_OWNER.test(path)) found.push(`${path}: the name must say what the file owns`);
  const lines = text.split("\n");
  lines.forEach((line, i) => {
    // Built from parts, so that this file passes its own check.
    if (new RegExp("\\b(TO" + "DO|FIX" + "ME)\\b").test(line)) {
      found.push(`${path}:${i + 1}: an unfinished mark; finish it or write an issue`);
    }
    if (isOutsideProgram(path) || /^\s*(\/\/|\/?\*)/.test(line)) return;
    for (const { text, what, allowed, room = "" } of RESERVED) {
      if (path.startsWith(room) && text.test(line) && !isWithin(path, allowed)) {
        found.push(`${path}:${i + 1}: ${what} belongs in ${allowed.join(", ")}`);
      }
    }
  });
  return found;
}

/** Violations in the lock file: download addresses would tie it to one machine's registry. */
export function checkLock(text: string): string[] {
  return text.includes("://")
    ? ["deno.lock: holds a download address; remove it, integrity hashes are enough"]
    : [];
}

interface ModuleGraph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      isDynamic?: boolean;
      code?: { specifier?: string };
      type?: { specifier?: string };
    }[];
  }[];
}

/**
 * The imports of the files as Deno resolves them, including types.
 * @throws {Error} if Deno cannot read them.
 */
async function readImports(root: string, files: string[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  const base = `file://${root}/`;
  try {
    await Deno.writeTextFile(entry, files.map((f) => `import ${JSON.stringify(base + f)};`).join("\n"));
    const info = await capture([Deno.execPath(), "info", "--json", "--no-lock", entry], { cwd: root });
    if (info.code !== 0) throw new Error(info.stderr);
    const graph: ModuleGraph = JSON.parse(info.stdout);
    return graph.modules.filter((m) => m.specifier.startsWith(base)).flatMap(({ specifier, dependencies }) =>
      (dependencies ?? []).flatMap((dependency) => {
        const to = dependency.code?.specifier ?? dependency.type?.specifier ?? "";
        if (!to.startsWith(base) || !to.endsWith(".ts")) return [];
        const dynamic = dependency.isDynamic ?? false;
        return [{ from: specifier.slice(base.length), to: to.slice(base.length), dynamic }];
      })
    );
  } finally {
    await Deno.remove(entry);
  }
}

/** Every violation in the tree under the root, one line each. */
export async function checkTree(root: string): Promise<string[]> {
  const files = await listFiles(root);
  const imports = await readImports(root, files);
  const found = [...checkImports(imports), ...findCircles(imports)];
  if (root === ROOT) found.push(...findUnusedPermits(imports));
  for (const file of files) found.push(...checkFile(file, await Deno.readTextFile(`${root}/${file}`)));
  return [...found, ...checkLock(await Deno.readTextFile(`${root}/deno.lock`))];
}

if (import.meta.main) {
  const found = await checkTree(ROOT);
  for (const line of found) console.error(line);
  Deno.exit(found.length === 0 ? 0 : 1);
}
