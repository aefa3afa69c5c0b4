/**
 * The kernel's capabilities as sets of bits, as `/proc/<pid>/status` shows them (capabilities(7)).
 * @module
 */
import { RuneError } from "../../model/error.ts";

/** Ordered by their numbers. */
const NAMES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
];

/**
 * Converts capability names to a set.
 *
 * @param own the meaning of `ALL`: the daemon's own set, since it cannot grant more.
 * @throws {RuneError} `failed_precondition` for a name that the kernel does not have.
 */
export function capabilitySet(names: readonly string[], own: bigint): bigint {
  if (names.includes("ALL")) return own;
  return names.reduce((set, name) => {
    const number = NAMES.indexOf(name);
    if (number >= 0) return set | 1n << BigInt(number);
    throw new RuneError("failed_precondition", `securityContext.capabilities names no capability: ${name}`, {
      hint: "correct it; capabilities(7) lists them",
      permanent: true,
    });
  }, 0n);
}

/** The bounding set of this daemon. None of its processes can have more. */
export function ownCapabilities(): bigint {
  const status = Deno.readTextFileSync("/proc/self/status");
  return BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}

/** An argument of setpriv(1) for exactly this set. */
export function setprivList(set: bigint): string {
  const kept: string[] = [];
  for (let number = 0; set >> BigInt(number) > 0n; number++) {
    if (!(set >> BigInt(number) & 1n)) continue;
    kept.push(`+${NAMES[number]?.toLowerCase() ?? `cap_${number}`}`);
  }
  return ["-all", ...kept].join(",");
}

/** The set as `/proc/<pid>/status` shows it. */
export function statusText(set: bigint): string {
  return set.toString(16).padStart(16, "0");
}
