/** Routes for logs, which are server-sent events. @module */
import { z } from "zod";
import { logLineSchema } from "../../../model/api.ts";
import { textUpTo } from "../../../model/bounded.ts";
import { LIMITS } from "../../../model/limits.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint, timeSchema, wholeNumber } from "../endpoint.ts";
import { logEvents } from "../streams/log_stream.ts";
import { eventStream } from "../streams/sse.ts";

const flag = z.enum(["true", "false"]).default("false").transform((value) => value === "true");

const logQuery = z.strictObject({
  follow: flag.describe("Follow new lines, across restarts and new instances"),
  tail: wholeNumber.optional().describe("Last lines of each instance"),
  since: timeSchema.optional(),
  until: timeSchema.optional(),
  previous: flag.describe("The last run that has ended"),
  initStep: textUpTo(LIMITS.word).optional().describe("The last attempt at this init step"),
});

/** Logs of a service and of an instance. */
export function logRoutes(deps: ServerDeps): Endpoint[] {
  return (["service", "instance"] as const).map((kind) =>
    endpoint({
      method: "get",
      path: `/v1/namespaces/{namespace}/${kind}s/{name}/logs`,
      tag: `${kind}s`,
      summary: kind === "service" ? "Logs of all instances of a service" : "Logs of an instance",
      query: logQuery,
      answers: {
        200: {
          description:
            "Events: first `sources`, which names the instances; `line`, each a LogLine; `note`, a sentence for the reader",
          events: logLineSchema,
        },
      },
      async handle({ request, params: { namespace, name }, query, requestId }) {
        const target = { kind, namespace: namespace!, name: name! };
        const source = await logEvents(deps, { target, request: query, signal: request.signal });
        return eventStream(source, { shutdown: deps.shutdown, requestId });
      },
    })
  );
}
