/**
 * What this machine lacks, determined once, for the `ignore` of tests that need it. `deno task test` lists
 * skipped tests and the reason; with `CI=true` none may be skipped.
 * @module
 */
import { findProgram } from "../scripts/command.ts";
import { engineAnswers } from "../scripts/engine.ts";

/** True if the tests do not run as root. */
export const noRoot: boolean = Deno.uid() !== 0;

/** True if no Docker Engine answers, or if there is no busybox to make an image of. */
export const noDocker: boolean = !await engineAnswers() || findProgram("busybox") === undefined;

/** True if there is no Caddy. */
export const noCaddy: boolean = findProgram("caddy") === undefined;

/** True if no loop device can be created. */
export const noLoopDevices: boolean = noRoot || findProgram("losetup") === undefined ||
  !await Deno.stat("/dev/loop-control").then(() => true, () => false);
