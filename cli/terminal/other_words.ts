/** Words from similar tools, and their names in Rune. @module */

/** Commands that Rune does not have, and their equivalents. */
const COMMANDS: Record<string, string> = {
  ps: "rune get instances",
  ls: "rune get services",
  list: "rune get services",
  top: "rune get instances -o wide",
  stats: "rune get instances -o wide",
  up: "rune cast <castfile>",
  run: "rune cast <castfile>",
  deploy: "rune cast <castfile>",
  config: "rune lint <castfile>, or rune context",
  validate: "rune lint <castfile>",
  start: "rune scale <service> <instances>",
  down: "rune delete <service>, or rune stop <service> to keep it",
  kill: "rune stop <service>",
  rm: "rune delete <service>",
  remove: "rune delete <service>",
  inspect: "rune describe <kind> <name>",
  show: "rune describe <kind> <name>",
  attach: "rune logs <service> -f, or rune exec <service>",
  shell: "rune exec <service>",
  ssh: "rune exec <service>",
  sh: "rune exec <service>",
  journal: "rune logs <service>",
  log: "rune logs <service>",
  info: "rune status",
  node: "rune status",
  volumes: "rune get volumes",
  snapshots: "rune get snapshots",
  services: "rune get services",
  instances: "rune get instances",
  secrets: "rune get secrets",
  configmaps: "rune get configmaps",
  namespaces: "rune get namespaces",
  namespace: "rune get namespaces, or rune create namespace <name>",
  users: "rune admin user list",
  token: "rune admin token",
  backup: "rune admin backup",
  restore: "rune admin restore, or rune snapshot restore",
  undelete: "rune volume undelete <name>",
  daemon: "rune serve",
  server: "rune serve",
};

/** Options of other tools and their equivalents; the first that the command has is suggested. */
const OPTIONS: Record<string, string[]> = {
  "--follow": ["--watch"],
  "--watch": ["--follow"],
  "-f": ["--follow", "--watch"],
  "-w": ["--watch", "--follow"],
  "--tty": ["-t"],
  "--lines": ["--tail"],
  "--since-time": ["--since"],
  "--force": ["--yes"],
  "-y": ["--yes"],
  "--assume-yes": ["--yes"],
  "--label": ["--selector"],
  "--labels": ["--selector"],
  "--ns": ["--namespace"],
  "--detach": ["--no-wait"],
  "-d": ["--no-wait"],
  "--dryrun": ["--dry-run"],
  "--check": ["--dry-run"],
  "--format": ["--output"],
  "--to": ["--to-generation"],
  "--revision": ["--to-generation"],
  "--to-revision": ["--to-generation"],
};

/** The equivalent of another tool's command. */
export function commandFor(word: string): string | undefined {
  return Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
}

/** The equivalent of another tool's option, for a command with these options. */
export function optionFor(word: string, known: readonly string[]): string | undefined {
  return Object.hasOwn(OPTIONS, word) ? OPTIONS[word]!.find((option) => known.includes(option)) : undefined;
}
