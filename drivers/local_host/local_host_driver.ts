/**
 * The driver `local-host`: a volume is an existing directory of the host that the operator has allowed
 * (docs/storage.md, "Drivers"). The driver never removes, formats or copies anything.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, relative, resolve } from "node:path";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { describeCall } from "../describe_call.ts";
import type { DataSource, Driver, DriverCapabilities, VolumeContext, VolumeRequest } from "../driver.ts";
import { ensureDirectory } from "../directories.ts";
import type { Filesystem } from "../../model/filesystem.ts";
import { locatePath } from "../filesystem.ts";
import { diskUsage } from "../host.ts";
import { checkAborted, errnoOf, hostError } from "../host_error.ts";
import { applyOwnership } from "../mount_root.ts";
import {
  descriptorPath,
  enterDirectory,
  isWithin,
  NotADirectory,
  openBelow,
  openDirectory,
  pathOf,
} from "../open_directory.ts";
import { refuseIssues, refuseUnknown, unknownParameters, wrongFlags } from "../parameters.ts";
import { LOCAL_HOST_PARAMETERS } from "./parameters.ts";
import type { ProtectedDirectories } from "./protected.ts";

/** Options of the driver `local-host`. */
export interface LocalHostOptions {
  /** The absolute paths that volumes of a namespace may use, or paths below them. */
  allowlist: (namespace: string) => string[];
  /** Directories that are never volumes, whatever the allowlist says. */
  protected: ProtectedDirectories;
  /** Whether the parameter `createIfMissing` has an effect. */
  allowCreateMissing: boolean;
}

const PARAMETERS = Object.keys(LOCAL_HOST_PARAMETERS);
const ID = /^(0|[1-9][0-9]{0,9})$/;

/** The capabilities of the driver. */
export const LOCAL_HOST_CAPABILITIES: DriverCapabilities = {
  accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
  snapshots: false,
  sources: [],
  expand: false,
  onlineExpand: false,
  blockDevice: false,
  reclaimDelete: false,
  processMounts: true,
  hostDirectory: "hostPath",
  scope: "host",
};

/** Provides allowed directories of the host as volumes. */
export class LocalHostDriver implements Driver {
  readonly name = "local-host";
  readonly capabilities = LOCAL_HOST_CAPABILITIES;
  #options: LocalHostOptions;

  constructor(options: LocalHostOptions) {
    this.#options = options;
  }

  /** Changes options while it is in use. Calls in progress may use the old or the new ones. */
  configure(options: Partial<LocalHostOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  validate(request: VolumeRequest): void {
    this.#check(request);
  }

  normalizeParameters(parameters: Record<string, string>): Record<string, string> {
    return refuseUnknown(parameters, { driver: this.name, known: PARAMETERS });
  }

  directory({ parameters: { hostPath } }: VolumeRequest): string | undefined {
    return hostPath;
  }

  async provision(ctx: VolumeContext): Promise<{ handle: string; adopted: boolean }> {
    return await this.#call("provision", ctx, async (hostPath) => {
      await using directory = await this.#find(ctx, hostPath) ?? await this.#createMissing(ctx, hostPath);
      const { uid, gid } = ctx.parameters;
      if (uid !== undefined || gid !== undefined) {
        await applyOwnership(directory, { path: hostPath, user: id(uid), group: id(gid) });
      }
      // Data is always expected, so it is not reported as adopted.
      return { handle: hostPath, adopted: false };
    });
  }

  async filesystem(ctx: VolumeContext): Promise<Filesystem> {
    return await this.#call("look at the filesystem", ctx, async (hostPath) => {
      const base = this.#rootOf(ctx.volume.namespace, hostPath)!;
      return (await locatePath(hostPath, { base, signal: ctx.signal })).filesystem;
    });
  }

  /** Does nothing: the directory and its data stay. */
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
    return await this.#call("mount", ctx, async (hostPath) => {
      await using directory = await this.#requireDirectory(ctx, hostPath);
      return { path: await pathOf(directory) };
    });
  }

  async open(ctx: VolumeContext): Promise<FileHandle> {
    return await this.#call("opening", ctx, (hostPath) => this.#requireDirectory(ctx, hostPath));
  }

  async unmount(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("unmount", ctx), ctx.signal);
  }

  async snapshot(ctx: VolumeContext): Promise<never> {
    throw refusedCallError("snapshot", ctx);
  }

  /** Does nothing: this driver has no snapshots. */
  async deleteSnapshot(ctx: VolumeContext): Promise<void> {
    checkAborted(describeCall("deletion of a snapshot", ctx), ctx.signal);
  }

  async materialize(ctx: VolumeContext, { from }: DataSource): Promise<never> {
    throw refusedCallError(from === "snapshot" ? "restore" : `filling from ${from}`, ctx);
  }

  async expand(ctx: VolumeContext): Promise<never> {
    throw refusedCallError("expand", ctx);
  }

  async usage(ctx: VolumeContext): Promise<{ usedBytes: number }> {
    return await this.#call("measuring", ctx, async (hostPath) => {
      await using directory = await this.#requireDirectory(ctx, hostPath);
      return { usedBytes: await diskUsage(`${descriptorPath(directory)}/.`, ctx.signal) };
    });
  }

  async #call<T>(verb: string, ctx: VolumeContext, work: (hostPath: string) => Promise<T>): Promise<T> {
    checkAborted(describeCall(verb, ctx), ctx.signal);
    const hostPath = this.#check({ ...ctx.volume, parameters: ctx.parameters });
    try {
      return await work(hostPath);
    } catch (error) {
      throw hostError(describeCall(verb, ctx), error);
    }
  }

  /** Checks the parameters without touching the host. @returns the hostPath. */
  #check({ namespace, parameters }: Pick<VolumeRequest, "namespace" | "parameters">): string {
    const { hostPath, uid, gid } = parameters;
    const issues: FieldIssue[] = unknownParameters(parameters, { driver: this.name, known: PARAMETERS });
    const pathIssue = this.#checkPath(namespace, hostPath);
    if (pathIssue) issues.unshift({ path: ["hostPath"], ...pathIssue });
    issues.push(...wrongFlags(parameters, ["createIfMissing", "acceptFilesystem"]));
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

  #checkPath(
    namespace: string,
    hostPath: string | undefined,
  ): { message: string; hint?: string } | undefined {
    if (hostPath === undefined || hostPath === "") {
      return { message: "expected the absolute path of a directory", hint: "set parameters.hostPath" };
    }
    if (!isAbsolute(hostPath) || normalize(hostPath) !== hostPath || /(.\/$)|[:\0]/.test(hostPath)) {
      return {
        message: `expected an absolute path without '.', '..', ':' or extra slashes, found "${hostPath}"`,
      };
    }
    const protection = this.#options.protected.judgePath(hostPath);
    if (protection !== undefined) return neverAVolume(hostPath, protection);
    if (this.#rootOf(namespace, hostPath) === undefined) return this.#notAllowed(namespace, hostPath);
  }

  #rootsOf(namespace: string): string[] {
    return this.#options.allowlist(namespace).map((path) => normalize(path).replace(/(.)\/+$/, "$1"));
  }

  /** Finds the longest entry of the namespace's allowlist that covers a path. */
  #rootOf(namespace: string, path: string): string | undefined {
    const covering = this.#rootsOf(namespace).filter((root) => isWithin(path, root));
    return covering.sort((a, b) => b.length - a.length)[0];
  }

  #notAllowed(namespace: string, path: string): { message: string; hint: string } {
    const parent = dirname(path);
    const add = `add ${parent === "/" ? path : parent} to storage.hostPathAllowlist in the runefile, or to ` +
      `grants.${namespace}.hostPaths for this namespace only`;
    const allowed = this.#rootsOf(namespace).join(", ");
    return {
      message: `${path} is not under an allowed host path`,
      hint: allowed === "" ? add : `${add}, or use a path under ${allowed}`,
    };
  }

  /**
   * Opens the directory, if it exists. The allowed root may be a symbolic link; below it none is followed.
   *
   * @throws {RuneError} `invalid_argument` for a link on the way, and for directories that are never volumes.
   */
  async #find(ctx: VolumeContext, hostPath: string): Promise<FileHandle | undefined> {
    const root = this.#rootOf(ctx.volume.namespace, hostPath)!;
    let directory: FileHandle;
    try {
      directory = await openDirectory(join(await Deno.realPath(root), relative(root, hostPath)));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error instanceof NotADirectory ? this.#leadsAway(ctx, { hostPath, error }) : error;
    }
    try {
      await this.#refuseProtected(directory, hostPath);
      return directory;
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  async #refuseProtected(directory: FileHandle, hostPath: string, options?: { inside: boolean }) {
    const protection = await this.#options.protected.judge(directory, options);
    if (protection === undefined) return;
    const issue = neverAVolume(hostPath, protection);
    throw new RuneError("invalid_argument", issue.message, {
      hint: issue.hint,
      issues: [{ path: ["hostPath"], ...issue }],
    });
  }

  async #requireDirectory(ctx: VolumeContext, hostPath: string): Promise<FileHandle> {
    const directory = await this.#find(ctx, hostPath);
    if (directory === undefined) throw missingPathError(hostPath, "create the directory, or mount its disk");
    return directory;
  }

  /**
   * Creates the error for a path with a link or a file on the way. It shows only the link's text; the target
   * is not examined.
   */
  #leadsAway(ctx: VolumeContext, { hostPath, error }: { hostPath: string; error: NotADirectory }): RuneError {
    if (error.leadsTo === undefined) {
      return new RuneError(
        "failed_precondition",
        `${error.at} is not a directory; Rune expects a directory of its own there`,
        { hint: "move it away, then try again", cause: error },
      );
    }
    const { namespace } = ctx.volume;
    const rest = hostPath.split("/").slice(error.at.split("/").length);
    const path = normalize(join(resolve(dirname(error.at), error.leadsTo), ...rest));
    const message =
      `hostPath ${hostPath} goes through the symbolic link ${error.at}, which leads to ${error.leadsTo}; ` +
      "no link is followed below an allowed host path";
    const hint = this.#rootOf(namespace, path) === undefined
      ? `replace the link by a directory, or name ${path} itself and ${
        this.#notAllowed(namespace, path).hint
      }`
      : `replace the link by a directory, or set hostPath to ${path}`;
    return new RuneError("invalid_argument", message, {
      hint,
      issues: [{ path: ["hostPath"], message, hint }],
      cause: error,
    });
  }

  async #createMissing(ctx: VolumeContext, hostPath: string): Promise<FileHandle> {
    if (ctx.parameters.createIfMissing !== "true") {
      throw missingPathError(
        hostPath,
        'create the directory, or set the parameter createIfMissing to "true"',
      );
    }
    if (!this.#options.allowCreateMissing) {
      throw missingPathError(
        hostPath,
        "create the directory, or set storage.allowCreateMissing = true in the runefile",
      );
    }
    const root = this.#rootOf(ctx.volume.namespace, hostPath)!;
    // The operator has named the root, so it may be created with its parents. Below it every step is checked.
    await Deno.mkdir(root, { recursive: true });
    const parts = relative(root, hostPath).split("/").filter((name) => name !== "");
    try {
      await using allowed = await openDirectory(await Deno.realPath(root));
      await using _made = await openBelow(allowed, parts, async (parent, part) => {
        try {
          return await enterDirectory(parent, part);
        } catch (error) {
          if (errnoOf(error) !== "ENOENT") throw error;
        }
        await this.#refuseProtected(parent, hostPath, { inside: true });
        await ensureDirectory(`${descriptorPath(parent)}/${part}`, 0o755);
        return await enterDirectory(parent, part);
      });
    } catch (error) {
      throw error instanceof NotADirectory ? this.#leadsAway(ctx, { hostPath, error }) : error;
    }
    return await this.#requireDirectory(ctx, hostPath);
  }
}

function neverAVolume(path: string, protection: string): { message: string; hint: string } {
  return {
    message: `${path} ${protection}, and is never a volume`,
    hint: "use a directory that neither contains nor lies inside one of those, whatever the allowlist says",
  };
}

function id(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function missingPathError(hostPath: string, hint: string): RuneError {
  return new RuneError("not_found", `the host path ${hostPath} does not exist`, { hint, permanent: true });
}

function refusedCallError(verb: string, ctx: VolumeContext): RuneError {
  return new RuneError("failed_precondition", `${describeCall(verb, ctx)}: the driver local-host cannot`, {
    hint: "use a volume of the class local, or the host's own tools",
  });
}
