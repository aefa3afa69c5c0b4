/**
 * The most of everything that a caller may write: one table, with the reason for each number.
 * docs/services.md shows it. What is stored from before is read as it is; these hold for what is written now.
 * @module
 */
/** Characters of texts and entries of lists and maps. */
export const LIMITS = {
  /** Linux takes no longer single argument or variable (MAX_ARG_STRLEN, execve(2)). */
  argument: 131_072,
  /** More words than a command has; all of them together must fit what Linux passes on. */
  arguments: 1024,
  variables: 1024,
  variableName: 256,
  /** PATH_MAX, its final NUL left out. */
  path: 4095,
  /** A label of 63 characters, another, and `.rune`. */
  reference: 132,
  /** `name/key` with a reference and a key. */
  name: 253,
  /** Quantities, durations, capabilities, names of accounts: short words. */
  word: 64,
  /** As Docker and Kubernetes know images. */
  image: 512,
  /** Volumes, secrets and configmaps, of each: every one is a mount of the kernel, made at every start. */
  mounts: 64,
  envFrom: 64,
  items: 1024,
  ports: 256,
  dependencies: 64,
  initSteps: 64,
  /** The kernel has 41, and room for 64. */
  capabilities: 64,
  headers: 64,
  /** Servers refuse more. */
  header: 8192,
  /** What servers take of an address. */
  url: 2048,
  parameters: 64,
  parameter: 4096,
  labels: 64,
  label: 256,
  topologies: 64,
  /** As Kubernetes limits a configmap. */
  configValue: 1024 * 1024,
  configKeys: 1024,
  /**
   * The runefile sets the limit that counts (`crypto.secretLimits`, 64 KiB and 64 keys when it says nothing).
   */
  secretValue: 8 * 1024 * 1024,
  secretKeys: 10_000,
  resources: 10_000,
  backupVolumes: 1024,
  selector: 4096,
} as const;

/**
 * Bytes of all variables and words of a run: with eight megabytes of stack Linux passes on a quarter of it
 * (execve(2)), and those who start a program add words and variables of their own.
 */
export const MAX_ENVIRONMENT = 2 * 1024 * 1024 - 64 * 1024;

/** Nesting deeper than this is refused before anything recursive touches it. */
export const MAX_DEPTH = 64;
