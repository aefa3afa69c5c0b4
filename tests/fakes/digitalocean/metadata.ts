/** The metadata service, which tells a droplet who it is, without a token. @module */
import type { Account } from "./account.ts";
import type { RawAnswer, RawRequest } from "./listener.ts";

/** Answers for the droplet that this machine is. */
export function answerMetadata(
  { url, header }: RawRequest,
  { account, violations }: { account: Account; violations: string[] },
): RawAnswer {
  if (header("authorization")) violations.push("the metadata service was given a token");
  const droplet = account.droplets.get(account.here ?? -1);
  const values: Record<string, string> = droplet
    ? { id: String(droplet.id), hostname: droplet.name, region: droplet.region }
    : {};
  const text = values[url.pathname.replace("/metadata/v1/", "")];
  const headers = { "content-type": "text/plain" };
  return text === undefined ? { status: 404, headers, text: "not found" } : { status: 200, headers, text };
}
