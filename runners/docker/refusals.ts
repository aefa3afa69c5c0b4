/**
 * Translates messages of the Engine into Rune's words and fields. Each kind that users meet has a row. Other
 * messages stay, without identifiers, so that the same failure always has the same message. Pure.
 * @module
 */
import { type ErrorCode, RuneError } from "../../model/error.ts";

interface Row {
  when: RegExp;
  /**
   * Default: `failed_precondition`, which another attempt may cure. `invalid_argument` needs another spec.
   */
  code?: ErrorCode;
  /** Gets the groups of `when`. */
  say: (...groups: string[]) => string;
  hint: string;
}

const IN_COMMAND = "correct the service's command, or use an image that has the program";

const ROWS: Row[] = [
  {
    when:
      /(?:daemon|engine) is shutting down|ttrpc: closed|transport is closing|connection is closing|context canceled|failed to update store for object type|containerd\S* .*(?:unavailable|not running)|error while dialing/i,
    code: "unavailable",
    say: () => "Docker is shutting down, or has not started yet",
    hint: "Rune goes on when it answers (systemctl status docker)",
  },
  {
    when: /exec: "?(.*?)"?: executable file not found in \$PATH/,
    say: (program) => `the image has no program "${program}" in its PATH`,
    hint: IN_COMMAND,
  },
  {
    when: /exec: "?(.*?)"?: (?:stat \S+: )?no such file or directory/,
    say: (program) => `the image has no file ${program}, which the command names, or lacks what runs it`,
    hint: IN_COMMAND,
  },
  {
    when: /exec: "?(.*?)"?: (?:permission denied|is a directory)/,
    say: (program) =>
      `${program} cannot be executed: it is a directory, or a file without execute permission`,
    hint:
      "name a program as the command, or give the file its permission where the image is built (chmod +x)",
  },
  {
    when: /exec(?:: "?| )(\S*?)"?: exec format error/,
    say: (program) =>
      `${
        program || "the program"
      } cannot run here: it is for another kind of processor than ${Deno.build.arch}, ` +
      "or a script without a first line that names its interpreter (#!/bin/sh)",
    hint: "use an image for this machine's processor, or add that line",
  },
  {
    when: /exec: "?(.*?)"?: argument list too long/,
    code: "invalid_argument",
    say: () => "the command, its arguments and the environment are longer than Linux passes to a program",
    hint: "shorten them, or give large values as files (configMounts, secretMounts)",
  },
  {
    when: /mount\S* .* to rootfs at "?([^":]+)"?:? .*not a directory/,
    say: (target) => `nothing can be mounted at ${target}: it is a file in the image, or lies below one`,
    hint: "mount at a directory, or at a path that the image does not have",
  },
  {
    when: /mount\S* .* to rootfs at "?([^":]+)"?:? .*read-only file system/,
    say: (target) =>
      `the directory ${target} cannot be made to mount on: it lies in a mount that is read-only`,
    hint: "make it in that volume first, mount that read-write, or choose another mountPath",
  },
  {
    when: /to rootfs at "?([^":]+)"?:? .*cannot be mounted because it is inside/,
    code: "invalid_argument",
    say: (target) => `nothing can be mounted at ${target}, which belongs to the kernel`,
    hint: "choose another mountPath",
  },
  {
    when: /Cannot mkdir: (\S+) is not a directory/,
    say: (path) => `the working directory of the image, ${path}, is a file`,
    hint: "use an image whose WORKDIR is a directory",
  },
  {
    when: /unable to find (user|group) (\S+): no matching entries/,
    say: (kind, name) => `the image has no ${kind} ${name}`,
    hint: "name one that it has as securityContext.user or group, or write a number",
  },
  {
    when: /unknown capability: "?(?:CAP_)?(\w+)/,
    code: "invalid_argument",
    say: (name) => `Linux has no capability ${name}`,
    hint: "correct securityContext.capAdd and capDrop (man 7 capabilities lists them)",
  },
  {
    when: /Range of CPUs is from ([\d.]+) to ([\d.]+)/,
    code: "invalid_argument",
    say: (least, most) =>
      `resources.cpu.limit must be between ${Number(least)} and ${
        Number(most)
      }: that is what this machine has`,
    hint: "lower the limit",
  },
  {
    when: /Minimum memory limit allowed is (\d+)MB/,
    code: "invalid_argument",
    say: (least) => `resources.memory.limit must be at least ${least}Mi`,
    hint: "raise the limit",
  },
  {
    when: /Minimum memory limit can not be less than memory reservation/,
    code: "invalid_argument",
    say: () => "resources.memory.request is above resources.memory.limit",
    hint: "lower the request, or raise the limit",
  },
  {
    when: /init was OOM-killed|memory limit too low/,
    say: () => "resources.memory.limit is too low for the program to start at all",
    hint: "raise the limit",
  },
  {
    when: /No command specified/,
    code: "invalid_argument",
    say: () => "the image has no command of its own",
    hint: "write the service's command",
  },
  {
    when: /Duplicate mount point: (\S+)/,
    code: "invalid_argument",
    say: (path) => `two mounts have the path ${path}`,
    hint: "give each mount a path of its own",
  },
  {
    when: /container name "\/?([^"]+)" is already in use/,
    code: "conflict",
    say: (name) => `another container has the name ${name}`,
    hint: "it is not this daemon's: remove it, if nobody needs it (docker rm)",
  },
  {
    when: /no space left on device/,
    say: () => "the disk that Docker keeps its data on is full",
    hint: "see what takes the room (docker system df, df -h), and free some",
  },
  {
    when: /invalid reference format/,
    code: "invalid_argument",
    say: () => "the image is no valid reference",
    hint: "write [registry/]name[:tag][@digest], in lower case",
  },
];

/** Creates the error for a message of a known kind; undefined for another. */
export function refusalOf(sentence: string, cause?: unknown): RuneError | undefined {
  for (const { when, code = "failed_precondition", say, hint } of ROWS) {
    const match = when.exec(sentence);
    if (!match) continue;
    const permanent = code === "invalid_argument";
    return new RuneError(code, say(...match.slice(1).map((group) => group ?? "")), {
      hint,
      permanent,
      cause,
    });
  }
  return undefined;
}

const NOISE = [
  /failed to create (?:shim )?task(?: for container)?: /g,
  /OCI runtime \w+ failed: /g,
  /runc \w+ failed: /g,
  /unable to start container process: /g,
  /error during container init: /g,
  /: unknown(?=$|:)/g,
  // The path where an image is unpacked. The path inside the image follows.
  /\/\S*?\/overlay2\/\w+\/merged(?=\/)/g,
  // Identifiers differ each time. A digest of an image is not one.
  / ?\((?<!sha256:)\b[0-9a-f]{64}\b\)/g,
  /(?: (?:in|for) container)?[ :]*(?<![\w:])"?(?<!sha256:)\b[0-9a-f]{64}\b"?/g,
];

/** Removes identifiers and the names of inner layers from a message of the Engine. */
export function plainSentence(sentence: string): string {
  const plain = NOISE.reduce((text, noise) => text.replaceAll(noise, ""), sentence);
  return plain.replaceAll(/\s+/g, " ").trim();
}
