/**
 * The limits of everything that a caller may write, in one table with the reason for each. docs/services.md
 * shows it. The limits apply to new input; older stored data is read without them.
 * @module
 */
/** Characters of texts, and entries of lists and maps. */
export const LIMITS = {
  /** Linux's limit for a single argument or variable (MAX_ARG_STRLEN, execve(2)). */
  argument: 131_072,
  /** More words than any command has. Together they must also fit Linux's total limit. */
  arguments: 1024,
  variables: 1024,
  variableName: 256,
  /** PATH_MAX without its final NUL. */
  path: 4095,
  /** Two labels of 63 characters, and `.rune`. */
  reference: 132,
  /** `name/key`, with a reference and a key. */
  name: 253,
  /** Quantities, durations, capabilities, names of accounts: short words. */
  word: 64,
  /** The limit of Docker and Kubernetes. */
  image: 512,
  /** For volumes, secrets and configmaps each: every one is a kernel mount, made at every start. */
  mounts: 64,
  envFrom: 64,
  items: 1024,
  ports: 256,
  dependencies: 64,
  initSteps: 64,
  /** The kernel has 41, with room for 64. */
  capabilities: 64,
  headers: 64,
  /** Servers refuse more. */
  header: 8192,
  /** The limit of common servers for an address. */
  url: 2048,
  parameters: 64,
  parameter: 4096,
  labels: 64,
  label: 256,
  topologies: 64,
  /** Kubernetes's limit for a configmap. */
  configValue: 1024 * 1024,
  configKeys: 1024,
  /** The runefile sets the real limit (`crypto.secretLimits`; default: 64 KiB and 64 keys). */
  secretValue: 8 * 1024 * 1024,
  secretKeys: 10_000,
  resources: 10_000,
  backupVolumes: 1024,
  selector: 4096,
} as const;

/**
 * Bytes of all variables and words of a run. With a stack of eight megabytes Linux allows a quarter of it
 * (execve(2)), and the programs that start a run add words and variables of their own.
 */
export const MAX_ENVIRONMENT = 2 * 1024 * 1024 - 64 * 1024;

/** Deeper nesting is refused before any recursive code sees it. */
export const MAX_DEPTH = 64;
