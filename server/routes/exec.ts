/** Commands inside instances, over a WebSocket. @module */
import { RuneError } from "../../spec/error.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { isPrivileged } from "../auth/host_rights.ts";
import { serveExec } from "../exec_socket.ts";
import { currentRun, isOf, runnerFor, runningInstance } from "../targets.ts";

/** Exec in a service (any ready instance) and in an instance. */
export function execRoutes(deps: ServerDeps): Endpoint[] {
  return (["service", "instance"] as const).map((kind) =>
    endpoint({
      method: "get",
      path: `/v1/namespaces/{namespace}/${kind}s/{name}/exec`,
      tag: `${kind}s`,
      summary: kind === "service" ? "Run a command in any ready instance" : "Run a command in an instance",
      answers: { 101: { description: "A WebSocket; failures come as its last frame" } },
      handle({ request, params: { namespace, name }, requestId, principal }) {
        if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
          throw new RuneError("invalid_argument", "exec needs a WebSocket", {
            hint: "open this path as a WebSocket, or use rune exec",
          });
        }
        const target = { kind, namespace: namespace!, name: name! };
        const inside = deps.store.list("instance", namespace).filter((instance) => isOf(instance, target));
        if (inside.some((instance) => isPrivileged(instance.spec.template))) {
          // Whoever is inside of it is as powerful as whoever started it.
          principal.permit({ resource: "services", verb: "services.privileged", namespace: namespace! });
        }
        const { socket, response } = Deno.upgradeWebSocket(request);
        serveExec(socket, {
          // Looked up only now that errors can be told: a WebSocket client sees nothing of a refused upgrade.
          start(options) {
            const instance = runningInstance(deps.store, target);
            deps.logger.info("exec in {instance}", { instance: `${namespace}/${instance.name}`, requestId });
            return runnerFor(instance, deps.runners).exec(currentRun(instance), options);
          },
          shutdown: AbortSignal.any([deps.shutdown, principal.ended]),
          requestId,
        });
        return response;
      },
    })
  );
}
