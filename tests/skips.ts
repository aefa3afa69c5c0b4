/**
 * What this machine lacks, decided once, for the `ignore` of tests that need it. `deno task test` names the
 * skipped tests and what was missing; with `CI=true` none may be skipped.
 * @module
 */
import { findProgram } from "../scripts/command.ts";
import { engineAnswers } from "../scripts/engine.ts";

/** True where the tests do not run as root. */
export const noRoot: boolean = Deno.uid() !== 0;

/** True where no Docker Engine answers, or no busybox is there to make an image of. */
export const noDocker: boolean = !await engineAnswers() || findProgram("busybox") === undefined;

/** True where there is no Caddy. */
export const noCaddy: boolean = findProgram("caddy") === undefined;

/** True where no loop device can be made. */
export const noLoopDevices: boolean = noRoot || findProgram("losetup") === undefined ||
  !await Deno.stat("/dev/loop-control").then(() => true, () => false);
