/**
 * What DigitalOcean's metadata service says about this machine. It answers only on a droplet, and without a
 * token. Rune uses it for hints only: the name of the node decides which droplet this is.
 * @module
 */
import { startDeadline } from "../../base/delay.ts";

/** The address of the service, the same on every droplet. */
export const METADATA_URL = "http://169.254.169.254";
const LIMIT_MS = 1_000;
const LONGEST = 256;

/** This machine, as a droplet. */
export interface Here {
  id: string;
  hostname: string;
}

/** See the module comment. */
export interface Metadata {
  /** @returns undefined if this machine is no droplet, or if nothing answers within a second. */
  read(signal: AbortSignal): Promise<Here | undefined>;
}

/** Asks the service at `url`. */
export function createMetadata(url: string): Metadata {
  const text = async (name: string, signal: AbortSignal): Promise<string> => {
    const response = await fetch(new URL(`/metadata/v1/${name}`, url), { signal, redirect: "error" });
    const body = (await response.text()).trim();
    if (!response.ok || body.length > LONGEST || !/^[\w.-]+$/.test(body)) throw new Error(`no ${name}`);
    return body;
  };
  return {
    async read(signal) {
      using limit = startDeadline(LIMIT_MS);
      const within = AbortSignal.any([signal, limit.signal]);
      try {
        return { id: await text("id", within), hostname: await text("hostname", within) };
      } catch {
        return undefined;
      }
    },
  };
}
