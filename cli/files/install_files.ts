/** The files of an installation: what `rune install` writes, as values. @module */

/** A file or, without text, a directory. */
export interface InstallFile {
  path: string;
  mode: number;
  text?: string;
  /** It is the operator's: one that is there stays as it is. */
  keep?: true;
}

/** Where the program goes. */
export const PROGRAM = "/usr/local/bin/rune";

// KillMode=process: systemd ends the daemon alone, and processes that it runs go on until the next daemon
// adopts them.
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

/** Runefiles that the daemon reads, the first one that is there. */
export const RUNEFILES = ["/etc/rune/runefile.yaml", "/etc/rune/runefile.yml", "/etc/rune/runefile.toml"];

/** What an installation consists of, beside the program, in the order in which it is written. */
export const INSTALL_FILES: InstallFile[] = [
  { path: "/etc/rune", mode: 0o755 },
  { path: RUNEFILES[0]!, mode: 0o644, text: RUNEFILE, keep: true },
  { path: "/var/lib/rune", mode: 0o711 },
  { path: "/etc/systemd/system/rune.service", mode: 0o644, text: UNIT },
];
