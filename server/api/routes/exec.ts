/** Runs commands inside instances, over a WebSocket. @module */
import { RuneError } from "../../../model/error.ts";
import { EXEC_PROTOCOL } from "../../../model/exec_protocol.ts";
import { createOpenCount } from "../../auth/open_count.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { serveExec } from "../streams/exec_socket.ts";
import { enterRun, watchRun } from "../streams/exec_target.ts";

/** How many sessions one user may have open: each uses memory and runs a command. */
const MAX_SESSIONS = 64;

/** Exec in a service, which means any ready instance, and in an instance. */
export function execRoutes(deps: ServerDeps): Endpoint[] {
  const { store, logger } = deps;
  const sessions = createOpenCount({ max: MAX_SESSIONS, what: "exec sessions" });
  return (["service", "instance"] as const).map((kind) =>
    endpoint({
      method: "get",
      path: `/v1/namespaces/{namespace}/${kind}s/{name}/exec`,
      tag: `${kind}s`,
      summary: kind === "service" ? "Run a command in any ready instance" : "Run a command in an instance",
      answers: { 101: { description: "A WebSocket; its last frame reports a failure" } },
      handle({ request, params: { namespace, name }, requestId, principal, recordRefusal }) {
        const leave = sessions.enter(principal.name);
        try {
          const { socket, response, credit } = upgrade(request);
          serveExec(socket, {
            // The run is chosen only now: a WebSocket client can get an error only after the upgrade.
            async start({ onLost, ...options }) {
              const entered = enter();
              const { instance, runner, ref } = entered;
              logger.info("exec in {instance}", { instance: `${namespace}/${instance.name}`, requestId });
              const release = watchRun(store, entered, onLost);
              options.signal.addEventListener("abort", release, { once: true });
              return await runner.exec(ref, options);
            },
            shutdown: AbortSignal.any([deps.shutdown, principal.ended]),
            requestId,
            credit,
          }).finally(leave);
          return response;
        } catch (error) {
          leave();
          throw error;
        }

        function enter() {
          const target = { kind, namespace: namespace!, name: name! };
          try {
            return enterRun(deps, { target, principal });
          } catch (error) {
            recordRefusal(error);
            throw error;
          }
        }
      },
    })
  );
}

/** Upgrades the connection. @throws {RuneError} `invalid_argument` if the request is not for a WebSocket. */
function upgrade(request: Request): { socket: WebSocket; response: Response; credit: boolean } {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new RuneError("invalid_argument", "exec needs a WebSocket", {
      hint: "open this path as a WebSocket, or use rune exec",
    });
  }
  const offered = request.headers.get("sec-websocket-protocol")?.split(",").map((name) => name.trim()) ?? [];
  const credit = offered.includes(EXEC_PROTOCOL);
  return { ...Deno.upgradeWebSocket(request, credit ? { protocol: EXEC_PROTOCOL } : {}), credit };
}
