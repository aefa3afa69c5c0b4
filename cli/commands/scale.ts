/** `rune scale`: sets how many instances of a service run. @module */
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { actOnService } from "./service_action.ts";
import { addWaitFlags, durationFlag, type WaitFlags } from "../waiting/wait_flags.ts";

/** Parses a number of instances. @throws {UsageError} if it is not one. */
function parseScale(text: string): number {
  const scale = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (scale <= 1000) return scale;
  throw new UsageError(`"${text}" is not a number of instances`, "write a whole number from 0 to 1000");
}

/**
 * Parses the gradual part of a request; undefined for an immediate scale. @throws {UsageError} for
 * conflicting flags.
 */
function parseGradual(flags: { mode: string; step?: string; interval?: string }) {
  if (flags.mode !== "gradual" && flags.mode !== "immediate") {
    throw new UsageError(`"${flags.mode}" is not a mode`, "write --mode=immediate or --mode=gradual");
  }
  const { step, interval } = flags;
  if (flags.mode === "immediate") {
    if (step === undefined && interval === undefined) return undefined;
    throw new UsageError("--step and --interval need a gradual scale", "add --mode=gradual");
  }
  if (interval !== undefined) durationFlag(interval);
  const by = step === undefined ? 1 : parseScale(step);
  if (by === 0) throw new UsageError("--step 0 would never finish", "use a step of at least 1");
  return { step: by, interval: interval ?? "30s" };
}

/** See the module. */
export const define: Define = (command, cli) => {
  const scale = command.argument("<service>").argument("<instances>", "0 to 1000")
    .option("--mode <mode>", "immediate, or gradual: step by step, each after the last is ready", "immediate")
    .option("--step <instances>", "gradual: how many at a time (1)")
    .option("--interval <duration>", "gradual: the shortest time between steps (30s)");
  addWaitFlags(scale);
  addGlobalFlags(scale);
  scale.addHelpText(
    "after",
    "\nScaling down removes the highest ordinals first and keeps the volumes of claim templates.\n" +
      "The daemon carries out a gradual scale, even if this command ends. If a step fails, it returns to the former scale.\n" +
      formatExamples(
        "rune scale api 5",
        "rune scale api 0   # stop without deleting",
        "rune scale api 10 --mode=gradual --step=2 --interval=30s",
      ),
  );
  scale.action(async (service, instances, options, self) => {
    const session = openSession(cli, self);
    const gradual = parseGradual(options);
    const body = { scale: parseScale(instances), ...(gradual && { gradual }) };
    const flags = options as unknown as WaitFlags;
    // Each step has its own time to become ready, so only a failure or an explicit --timeout ends the wait.
    const patient = gradual && self.getOptionValueSource("timeout") === "default"
      ? { ...flags, timeout: "24h" }
      : flags;
    const request = { action: "scale", service, body, flags: patient } as const;
    const settled = await actOnService(session, request);
    session.terminal.out(
      `service ${session.namespace}/${service} scaled to ${body.scale}${
        settled ? ` (${settled.verdict.text})` : ""
      }\n`,
    );
  });
};
