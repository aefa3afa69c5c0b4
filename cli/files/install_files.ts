/** The files that `rune install` writes, as values. @module */

/** A file, or a directory if there is no text. */
export interface InstallFile {
  path: string;
  mode: number;
  text?: string;
  /** The operator owns it: an existing file is not replaced. */
  keep?: true;
}

/** The path of the program. */
export const PROGRAM = "/usr/local/bin/rune";

// KillMode=process: systemd stops only the daemon. Its process services continue until the next daemon adopts
// them.
const UNIT = `[Unit]
Description=Rune, runs services with their data on this machine
After=network-online.target docker.service
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart=${PROGRAM} serve
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RestartSec=2s
TimeoutStartSec=120s
TimeoutStopSec=30s
WatchdogSec=60s
LimitNOFILE=65536
User=root
StateDirectory=rune
StateDirectoryMode=0711
CacheDirectory=rune
Environment=RUNE_CACHE_DIR=/var/cache/rune

[Install]
WantedBy=multi-user.target
Alias=runed.service
`;

const RUNEFILE =
  `# Settings of the Rune daemon. Every key is optional; docs/operations.md lists all of them with their defaults.
# Check it with: rune lint /etc/rune/runefile.yaml
# Apply it with: systemctl reload rune (what cannot be reloaded is named in the log)

# server:
#   http-addr: 127.0.0.1:7861
#   log-level: info

# storage:
#   hostPathAllowlist: [/srv]
#   trashRetention: 24h

# backup:
#   every: 1d
#   dir: /mnt/backups/rune # on another disk; it must exist
`;

/** The default runefiles; the daemon reads the first that exists. */
export const RUNEFILES = ["/etc/rune/runefile.yaml", "/etc/rune/runefile.yml", "/etc/rune/runefile.toml"];

/** The parts of an installation besides the program, in the order of writing. */
export const INSTALL_FILES: InstallFile[] = [
  { path: "/etc/rune", mode: 0o755 },
  { path: RUNEFILES[0]!, mode: 0o644, text: RUNEFILE, keep: true },
  { path: "/var/lib/rune", mode: 0o711 },
  { path: "/etc/systemd/system/rune.service", mode: 0o644, text: UNIT },
];
