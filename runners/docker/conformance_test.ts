import { runnerConformance } from "../conformance.ts";
import type { Runner } from "../runner.ts";
import { dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

runnerConformance({
  name: "docker",
  ignore: !dockerHere,
  async make() {
    const room = await makeDockerRoom();
    return {
      get runner() {
        return withSettledTerminals(room.runner);
      },
      reopen: () => Promise.resolve(withSettledTerminals(room.reopen())),
      shell: (script) => room.shell(script),
      cleanup: () => room.cleanup(),
    };
  },
});

/**
 * Engines before API 1.42 set the size of a terminal just after the command begins, so the suite's command
 * waits for it.
 */
function withSettledTerminals(runner: Runner): Runner {
  const wait = 'until [ -n "$(stty size 2>/dev/null)" ]; do sleep 0.01; done; exec "$@"';
  return {
    ...runner,
    exec: (ref, options) =>
      runner.exec(
        ref,
        options.tty ? { ...options, command: ["/bin/sh", "-c", wait, "sh", ...options.command] } : options,
      ),
  };
}
