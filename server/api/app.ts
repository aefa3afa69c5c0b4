/** The HTTP application: guards, routes and problem documents. It needs no socket. @module */
import { Hono } from "hono";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { ServerDeps } from "./deps.ts";
import { callEndpoint, type Endpoint } from "./endpoint.ts";
import { checkOrigin } from "../http/guard.ts";
import { openApiDocument } from "./openapi.ts";
import { problemResponse, toProblem } from "../http/problem.ts";
import { refusalResponse } from "../auth/auth.ts";
import { authorizedStore } from "../auth/authorized_store.ts";
import { adminRoutes } from "./routes/admin.ts";
import { authRoutes } from "./routes/auth.ts";
import { backupRoutes } from "./routes/backup.ts";
import { engineRoutes } from "./routes/engine.ts";
import { imageRoutes } from "./routes/images.ts";
import { castRoutes } from "./routes/cast.ts";
import { collectionRoutes } from "./routes/collections.ts";
import { declareRoutes } from "./routes/declare.ts";
import { execRoutes } from "./routes/exec.ts";
import { healthRoutes } from "./routes/health.ts";
import { logRoutes } from "./routes/logs.ts";
import { registryRoutes } from "./routes/registries.ts";
import { rollbackRoutes } from "./routes/rollback.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { serviceRoutes } from "./routes/services.ts";
import { storageClassRoutes } from "./routes/storage_classes.ts";
import { systemRoutes } from "./routes/system.ts";
import { orphanRoutes } from "./routes/orphans.ts";
import { trashRoutes } from "./routes/trash.ts";
import { usageRoutes } from "./routes/instance_usage.ts";
import { volumeRoutes } from "./routes/volumes.ts";
import { createRunnerStates } from "./runner_states.ts";

type Env = { Variables: { requestId: string; route?: string }; Bindings: { peer?: string } };

/** The peer of a request without a socket. It does not count as this machine. */
const UNKNOWN_PEER = "unknown";

/** Every route of the API except the OpenAPI document. */
export function endpoints(deps: ServerDeps): Endpoint[] {
  const runnerStates = createRunnerStates(deps);
  return [
    ...systemRoutes(deps, runnerStates),
    ...authRoutes(deps),
    ...adminRoutes(deps),
    ...registryRoutes(deps),
    ...metricsRoutes(deps),
    ...backupRoutes(deps),
    ...engineRoutes(deps, runnerStates),
    ...imageRoutes(deps),
    ...castRoutes(deps),
    ...collectionRoutes(deps),
    ...declareRoutes(deps),
    ...serviceRoutes(deps),
    ...rollbackRoutes(deps),
    ...healthRoutes(deps),
    ...volumeRoutes(deps),
    ...trashRoutes(deps),
    ...orphanRoutes(deps),
    ...storageClassRoutes(deps),
    ...logRoutes(deps),
    ...execRoutes(deps),
    ...usageRoutes(deps),
  ];
}

/** Uses the client's request id if it is harmless, so that the logs of both sides can be joined. */
function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}

/** Creates the application. A socket serves `app.fetch`; tests call `app.request`. */
export function createApp(deps: ServerDeps): Hono<Env> {
  const { logger } = deps;
  const app = new Hono<Env>();
  // Not a copy: some dependencies change while the daemon runs.
  const routes = endpoints(Object.create(deps, { store: { value: authorizedStore(deps.store) } }));

  app.use(async (c, next) => {
    const began = performance.now();
    await next();
    const seconds = (performance.now() - began) / 1000;
    deps.metrics?.request({
      method: c.req.method,
      route: c.get("route") ?? "none",
      code: c.res.status,
      seconds,
    });
  });
  app.use(async (c, next) => {
    const requestId = requestIdOf(c.req.raw);
    c.set("requestId", requestId);
    const began = performance.now();
    checkOrigin(c.req.raw, deps.hosts);
    await next();
    logger.debug("{method} {path} {status} in {ms} ms", {
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round(performance.now() - began),
      requestId,
    });
    // The response to an upgrade must not be changed.
    if (c.res.status !== 101) finish(c.res, requestId);
  });

  for (const route of routes) {
    app.on(
      route.method.toUpperCase(),
      route.path.replace(/\{(\w+)\}/g, ":$1"),
      (c) => {
        c.set("route", route.path);
        const incoming = {
          request: c.req.raw,
          params: c.req.param(),
          requestId: c.get("requestId"),
          peer: c.env?.peer ?? UNKNOWN_PEER,
        };
        return deps.auth.guard(route, incoming, (caller) => callEndpoint(route, { ...incoming, ...caller }));
      },
    );
  }

  let document: object | undefined;
  app.get("/openapi.json", (c) => {
    const peer = c.env?.peer ?? UNKNOWN_PEER;
    deps.auth.requireAuthenticated({ request: c.req.raw, params: {}, requestId: c.get("requestId"), peer });
    return c.json(document ??= openApiDocument(routes, deps.info.version));
  });

  app.notFound((c) => {
    const { path, method } = c.req;
    const allowed = routes.filter((r) => patternOf(r).test(path)).map((r) => r.method.toUpperCase());
    const requestId = c.get("requestId");
    if (allowed.length === 0) {
      const error = new RuneError("not_found", `there is nothing at ${path}`, {
        hint: "/openapi.json lists every path",
      });
      return problemResponse(toProblem(error, requestId));
    }
    const error = new RuneError("invalid_argument", `${path} does not accept ${method}`, {
      hint: `it accepts ${allowed.join(", ")}`,
    });
    return problemResponse(toProblem(error, requestId), {
      status: 405,
      headers: { allow: allowed.join(", ") },
    });
  });

  app.onError((error, c) => {
    const requestId = c.get("requestId") ?? requestIdOf(c.req.raw);
    if (toRuneError(error).code === "internal") {
      logger.error("request {requestId} failed: {error}", { requestId, error });
    }
    return finish(refusalResponse(error, requestId), requestId);
  });
  return app;
}

function finish(response: Response, requestId: string): Response {
  response.headers.set("x-request-id", requestId);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("x-frame-options", "DENY");
  response.headers.set("referrer-policy", "no-referrer");
  if (!response.headers.has("content-security-policy")) {
    response.headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  }
  return response;
}

const patternOf = ({ path }: Endpoint) => new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
