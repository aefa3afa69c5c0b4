/**
 * What DigitalOcean's metadata service says about this machine. It answers only on a droplet, and without a
 * token. It never decides which droplet is this node's, since the name of the node does. It only shows that
 * another droplet is not.
 * @module
 */
import { startDeadline } from "../../base/delay.ts";

/** The address of the service, the same on every droplet. */
export const METADATA_URL = "http://169.254.169.254";
const LIMIT_MS = 1_000;
/** The longest answer that is read, in bytes. */
const LONGEST = 256;

/** This machine, as a droplet. */
export interface Here {
  id: number;
  hostname: string;
}

/** See the module comment. */
export interface Metadata {
  /**
   * Asks the service, until it has answered once. This process lives on one machine, so the answer stays.
   *
   * @returns undefined if this machine is no droplet, or if nothing answers within a second.
   */
  read(): Promise<Here | undefined>;
}

/** Asks the service at `url`. */
export function createMetadata(url: string): Metadata {
  let answer: Here | undefined;
  let asking: Promise<Here | undefined> | undefined;
  return {
    async read() {
      if (answer) return answer;
      // At a start, all volumes ask at once. No caller's signal ends it, since the others wait for it too.
      asking ??= ask(url).finally(() => asking = undefined);
      return answer = await asking;
    },
  };
}

async function ask(url: string): Promise<Here | undefined> {
  using limit = startDeadline(LIMIT_MS);
  try {
    const [id, hostname] = [await readText(url, "id", limit), await readText(url, "hostname", limit)];
    return /^\d{1,15}$/.test(id) && /^[\w.-]+$/.test(hostname) ? { id: Number(id), hostname } : undefined;
  } catch {
    return undefined;
  }
}

async function readText(url: string, name: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const response = await fetch(new URL(`/metadata/v1/${name}`, url), { signal, redirect: "error" });
  const decoder = new TextDecoder();
  let text = "";
  // To leave the loop cancels the rest of the answer.
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (!response.ok || text.length > LONGEST) throw new Error(`no ${name}`);
  }
  if (!response.ok) throw new Error(`no ${name}`);
  return text.trim();
}
