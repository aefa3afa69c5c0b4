/** Docs of a service's health checks. @module */
import type { FieldDocs } from "./fields.ts";

/** For `health`. Its three checks have the same fields, which are listed under the first. */
export const HEALTH_DOCS: FieldDocs = {
  health: {
    means: "How Rune asks instances how they are. See [Health](../health.md).",
    default: "an instance is ready when it runs, or when its image's `HEALTHCHECK` passes",
    example: "{ readiness: { type: tcp, port: 8080 } }",
  },
  "health.startup": {
    means: "Asked until it has passed once; the other checks wait for it.",
    example: "{ type: http, port: http, failureThreshold: 60 }",
  },
  "health.liveness": {
    means: "An instance that fails it is killed and replaced.",
    example: "{ type: http, port: http, path: /healthz }",
  },
  "health.readiness": {
    means: "An instance that fails it runs on, and gets no requests.",
    default: "`liveness`",
    example: "{ type: tcp, port: 8080 }",
  },
  "health.startup.type": {
    means:
      "`http` passes with a status from 200 to 399, `tcp` when the port takes a connection, `exec` with exit code 0.",
    example: "http",
  },
  "health.startup.path": {
    means: "What an `http` check asks for.",
    form: "path",
    example: "/healthz",
  },
  "health.startup.port": {
    means: "The port of `http` and `tcp`, by number or by a name of `ports`.",
    example: "8080",
  },
  "health.startup.scheme": {
    means: "Of an `http` check. The certificate is not checked.",
    example: "https",
  },
  "health.startup.headers": {
    means: "Headers of an `http` check.",
    example: "{ Host: shop.example.com }",
  },
  "health.startup.command": {
    means: "Of an `exec` check: the program and its words, run inside the instance.",
    example: "[pg_isready, -q]",
  },
  "health.startup.initialDelaySeconds": {
    means: "How long the first question waits after the start of the run.",
    unit: "seconds",
    example: "5",
  },
  "health.startup.intervalSeconds": {
    means: "From one question to the next.",
    unit: "seconds",
    example: "5",
  },
  "health.startup.timeoutSeconds": {
    means: "How long an answer may take.",
    unit: "seconds",
    example: "3",
  },
  "health.startup.failureThreshold": {
    means: "How many failures in a row make the check fail.",
    unit: "answers",
    example: "5",
  },
  "health.startup.successThreshold": {
    means: "How many successes in a row make the check pass.",
    unit: "answers",
    example: "2",
  },
};
