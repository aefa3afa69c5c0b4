/**
 * The driver `local-host`: a volume is a directory of the host that exists already and that the operator has allowed (SPEC 4.4,
 * seeds 000 and 001). It never removes, formats or copies anything.
 * @module
 */
import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { type FieldIssue, RuneError } from "../spec/error.ts";
import { describeCall } from "./describe_call.ts";
import type { Driver, DriverCapabilities, VolumeContext, VolumeRequest } from "./driver.ts";
import { ensureDirectory, lookAtDirectory } from "./durable.ts";
import { diskUsage } from "./host.ts";
import { checkAborted, errnoOf, hostError } from "./host_error.ts";
import { applyOwnership } from "./mount_root.ts";
import { refuseIssues, unknownParameters } from "./parameters.ts";

/** Options of the driver `local-host`. */
export interface LocalHostOptions {
  /** Absolute paths: volumes are these directories or lie below them. */
  allowlist: string[];
  /** Whether the parameter `createIfMissing` is honoured. */
  allowCreateMissing: boolean;
}

const PARAMETERS = ["hostPath", "createIfMissing", "uid", "gid"];
const ID = /^(0|[1-9][0-9]{0,9})$/;

/** Volumes as allowed directories of the host. */
export class LocalHostDriver implements Driver {
  readonly name = "local-host";
  readonly capabilities: DriverCapabilities = {
    accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
    snapshots: false,
    expand: false,
    onlineExpand: false,
    blockDevice: false,
    reclaimDelete: false,
    topologyKeys: [],
  };
  #allowlist: string[] = [];
  #allowCreateMissing = false;

  constructor(options: LocalHostOptions) {
    this.configure(options);
  }

  /** Changes the options while it is in use: calls in progress keep those they began with or take the new ones. */
  configure(options: LocalHostOptions): void {
    this.#allowlist = options.allowlist.map((path) => normalize(path).replace(/(.)\/+$/, "$1"));
    this.#allowCreateMissing = options.allowCreateMissing;
  }

  validate(request: VolumeRequest): void {
    this.#check(request.parameters);
  }

  directory({ parameters: { hostPath } }: VolumeRequest): string | undefined {
    return hostPath;
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("provision", ctx, async (hostPath) => {
      if (await this.#find(hostPath) === undefined) await this.#createMissing(ctx, hostPath);
      const path = await this.#realPath(hostPath);
      const { uid, gid } = ctx.parameters;
      if (uid !== undefined || gid !== undefined) {
        await applyOwnership(path, { user: id(uid), group: id(gid) });
      }
      // Finding data is what this driver is for: nothing to announce.
      return { handle: hostPath, adopted: false };
    });
  }

  /** Leaves the directory and its data alone. */
  async delete(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("delete", ctx), ctx.signal);
  }

  async attach(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("attach", ctx), ctx.signal);
  }

  async detach(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("detach", ctx), ctx.signal);
  }

  async mount(ctx: VolumeContext): Promise<{ path: string }> {
    // The real path, so that a link which is swapped after this check leads nowhere else.
    return await this.#call("mount", ctx, async (hostPath) => ({ path: await this.#realPath(hostPath) }));
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("unmount", ctx), ctx.signal);
  }

  async snapshot(ctx: VolumeContext): Promise<never> {
    throw refused("snapshot", ctx);
  }

  /** There are none. */
  async deleteSnapshot(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("deletion of a snapshot", ctx), ctx.signal);
  }

  async restore(ctx: VolumeContext): Promise<never> {
    throw refused("restore", ctx);
  }

  async expand(ctx: VolumeContext): Promise<never> {
    throw refused("expand", ctx);
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number }> {
    return await this.#call("measuring", ctx, async (hostPath) => ({
      usedBytes: await diskUsage(await this.#realPath(hostPath), ctx.signal),
    }));
  }

  async #call<T>(verb: string, ctx: VolumeContext, work: (hostPath: string) => Promise<T>): Promise<T> {
    checkAborted(describeCall(verb, ctx), ctx.signal);
    const hostPath = this.#check(ctx.parameters);
    try {
      return await work(hostPath);
    } catch (error) {
      throw hostError(describeCall(verb, ctx), error);
    }
  }

  /** What can be judged of the parameters without touching the host. @returns the hostPath. */
  #check(parameters: Record<string, string>): string {
    const { hostPath, createIfMissing, uid, gid } = parameters;
    const issues: FieldIssue[] = unknownParameters(parameters, { driver: this.name, known: PARAMETERS });
    const pathIssue = this.#checkPath(hostPath);
    if (pathIssue) issues.unshift({ path: ["hostPath"], ...pathIssue });
    if (createIfMissing !== undefined && createIfMissing !== "true" && createIfMissing !== "false") {
      issues.push({ path: ["createIfMissing"], message: 'expected "true" or "false"' });
    }
    for (const [key, value] of Object.entries({ uid, gid })) {
      if (value !== undefined && !(ID.test(value) && Number(value) < 4_294_967_295)) {
        issues.push({
          path: [key],
          message: `expected a numeric ${key}`,
          hint: `find it with: getent passwd`,
        });
      }
    }
    refuseIssues(this.name, issues);
    return hostPath!;
  }

  #checkPath(hostPath: string | undefined): { message: string; hint?: string } | undefined {
    if (hostPath === undefined || hostPath === "") {
      return { message: "expected the absolute path of a directory", hint: "set parameters.hostPath" };
    }
    if (!isAbsolute(hostPath) || normalize(hostPath) !== hostPath || /(.\/$)|[:\0]/.test(hostPath)) {
      return {
        message: `expected an absolute path without '.', '..', ':' or a slash too many, found "${hostPath}"`,
      };
    }
    if (hostPath === "/" || !this.#allowlist.some((root) => isWithin(root, hostPath))) {
      return this.#notAllowed(hostPath);
    }
  }

  #notAllowed(path: string): { message: string; hint: string } {
    const parent = dirname(path);
    const add = `add ${parent === "/" ? path : parent} to storage.hostPathAllowlist in the runefile`;
    const allowed = this.#allowlist.join(", ");
    return {
      message: `${path} is not under an allowed host path`,
      hint: allowed === "" ? `${add}, which is empty` : `${add}, or use a path under ${allowed}`,
    };
  }

  /** Where the path leads, when it exists. @throws {RuneError} when that is not allowed. */
  async #find(hostPath: string): Promise<string | undefined> {
    const path = await realPathOrUndefined(hostPath);
    if (path === undefined) return undefined;
    const roots = await Promise.all(this.#allowlist.map(realPathOrUndefined));
    if (!roots.some((root) => root !== undefined && isWithin(root, path))) {
      const { message, hint } = this.#notAllowed(path);
      throw new RuneError("invalid_argument", `hostPath ${hostPath} leads to ${path}: ${message}`, {
        hint,
        issues: [{ path: ["hostPath"], message, hint }],
      });
    }
    return path;
  }

  async #realPath(hostPath: string): Promise<string> {
    const path = await this.#find(hostPath);
    if (path === undefined) throw missing(hostPath, "make the directory, or mount its disk");
    await lookAtDirectory(path);
    return path;
  }

  async #createMissing(ctx: VolumeContext, hostPath: string): Promise<void> {
    if (ctx.parameters.createIfMissing !== "true") {
      throw missing(hostPath, 'make the directory, or set the parameter createIfMissing to "true"');
    }
    if (!this.#allowCreateMissing) {
      throw missing(hostPath, "make the directory, or set storage.allowCreateMissing = true in the runefile");
    }
    const root = this.#allowlist.find((allowed) => isWithin(allowed, hostPath))!;
    // The operator named it, so it may be made with whatever leads to it; below it every step is checked.
    await Deno.mkdir(root, { recursive: true });
    let path = root;
    for (const part of relative(root, hostPath).split("/").filter((name) => name !== "")) {
      const parent = await this.#realPath(path);
      path = join(path, part);
      if (await this.#find(path) === undefined) await ensureDirectory(join(parent, part), 0o755);
    }
  }
}

/** Whether `path` is `root` or lies below it; both absolute and normal. */
function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

async function realPathOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function id(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function missing(hostPath: string, hint: string): RuneError {
  return new RuneError("not_found", `the host path ${hostPath} does not exist`, { hint, permanent: true });
}

function refused(verb: string, ctx: VolumeContext): RuneError {
  return new RuneError("failed_precondition", `${describeCall(verb, ctx)}: the driver local-host cannot`, {
    hint: "use a volume of the class local, or the host's own tools",
  });
}
