/** Docs of a service's privileges. @module */
import type { FieldDocs } from "./fields.ts";

/** For `securityContext`. */
export const SECURITY_DOCS: FieldDocs = {
  securityContext: {
    means:
      "Who the program is, and what it may do. See [containers](../configuration.md#privileges-of-containers) and [processes](../process-services.md#privileges).",
    example: "{ user: 1000 }",
  },
  "securityContext.user": {
    means:
      "A name or number: of the image, or for processes of the host. `dynamic` gives a process a user of its own.",
    form: "name or number",
    default: "the image's user; for processes the daemon's own",
    example: "1000",
  },
  "securityContext.group": {
    means: "The main group. A container's needs `user` beside it.",
    form: "name or number",
    default: "the user's",
    example: "1000",
  },
  "securityContext.capAdd": {
    means: "Capabilities on top of the Engine's usual ones.",
    runner: "containers",
    form: "list of capabilities",
    example: "[NET_ADMIN]",
  },
  "securityContext.capDrop": {
    means: "Capabilities that are taken away.",
    runner: "containers",
    form: "list of capabilities",
    example: "[ALL]",
  },
  "securityContext.privileged": {
    means: "Every capability and device of the host.",
    runner: "containers",
    default: "`false`",
    example: "true",
  },
  "securityContext.readOnlyRootFilesystem": {
    means: "Only mounts can be written.",
    default: "`false`",
    example: "true",
  },
  "securityContext.noNewPrivileges": {
    means: "No setuid program gains anything. Always so for a process that is not root.",
    default: "`false`",
    example: "true",
  },
  "securityContext.seccompProfile": {
    means: "`runtime/default`, `unconfined`, or the path of a JSON profile on the daemon's host.",
    runner: "containers",
    form: "word or absolute path",
    default: "the Engine's own",
    example: "runtime/default",
  },
  "securityContext.capabilities": {
    means: "Exactly these are kept; `[]` drops all.",
    runner: "processes",
    form: "list of capabilities",
    default: "root keeps the daemon's, everybody else has none",
    example: "[NET_BIND_SERVICE]",
  },
  "securityContext.readOnlyFS": {
    means: "Everything is read-only but the service's own writable mounts.",
    runner: "processes",
    default: "`false`",
    example: "true",
  },
};
