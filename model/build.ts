/**
 * Facts about this build: its version, and when, where and from which commit it was built. When run from
 * source, only the version is known.
 * @module
 */
import build from "#build" with { type: "json" };
import manifest from "../deno.json" with { type: "json" };

/** See the module comment; `builtAt` is RFC 3339. */
export interface BuildInfo {
  version: string;
  commit?: string;
  builtAt?: string;
}

/** The facts of this program. `scripts/build.ts` replaces `build.json` with the real ones. */
export const BUILD: BuildInfo = { version: manifest.version, ...(build as Omit<BuildInfo, "version">) };
