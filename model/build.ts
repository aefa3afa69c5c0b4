/** Which program this is: its version, and where it was built, when and of what. From source only the version is known. @module */
import build from "#build" with { type: "json" };
import manifest from "../deno.json" with { type: "json" };

/** See the module comment; `builtAt` is RFC 3339. */
export interface BuildInfo {
  version: string;
  commit?: string;
  builtAt?: string;
}

/** Of this program. `scripts/build.ts` puts its facts where `build.json` is. */
export const BUILD: BuildInfo = { version: manifest.version, ...(build as Omit<BuildInfo, "version">) };
