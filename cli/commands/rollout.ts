/** `rune rollout status`: waits until a service has reached its current spec. @module */
import { ANNOTATIONS } from "../../model/marks.ts";
import { getResource } from "../client/api.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  const status = group.command("status").description("wait until the last change of a service is done")
    .argument("<service>");
  addWaitFlags(status);
  addGlobalFlags(status);
  status.addHelpText(
    "after",
    "\nShows the progress of the last cast, scale, restart or rollback. Exit codes are those of rune cast: 0 done,\n" +
      "1 failed, 5 replaced by another change, 7 timed out. --no-wait only prints the current state.\n" +
      formatExamples(
        "rune rollout status web",
        "rune rollout status web --timeout 10m",
        "rune rollout status web --no-wait",
      ),
  );
  status.action(async (name, flags, self) => {
    const session = openSession(cli, self);
    const { wait, timeout } = flags as unknown as WaitFlags;
    const timeoutMs = durationFlag(timeout);
    const key = { kind: "service", namespace: session.namespace, name } as const;
    const { generation, annotations, spec, status: now } = await getResource(session.client, key);
    const title = `service ${session.namespace}/${name}`;
    if (!wait) {
      const message = now.message === undefined ? "" : `: ${now.message}`;
      const counts = `${
        Math.min(now.updated, spec.scale)
      }/${spec.scale} up to date, ${now.ready}/${spec.scale} ready`;
      const version = `generation ${generation}`;
      return session.terminal.out(`${title} ${now.state}, ${counts}, ${version}${message}\n`);
    }
    const goal = { ...key, generation, restartedAt: annotations[ANNOTATIONS.restartedAt] };
    const [settled] = await waitFor(session, [goal], { what: "rollout", timeoutMs });
    session.terminal.out(`${title} is rolled out, as generation ${generation} (${settled!.verdict.text})\n`);
  });
};
