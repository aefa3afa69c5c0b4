/**
 * What the kernel knows of the identity of a device, without udev. DigitalOcean's disks say their vendor
 * (`DO`), their model (`Volume`) and, on the page for identification (SPC-4, page 83h), the name of the
 * volume. udev makes its link of these three.
 * @module
 */
import { join } from "node:path";

/** The identity of a volume's device, as in the name of its link. @param name the volume's name. */
export const identityOf = (name: string): string => `${PREFIX}${name}`;

const PREFIX = "DO_Volume_";

/** Whether a device is that of a volume. `unknown` if it says nothing, or says it in another form. */
export async function compareIdentity(
  name: string,
  { device, sysfs }: { device: string; sysfs: string },
): Promise<"same" | "other" | "unknown"> {
  const identities = await readIdentities(join(sysfs, device, "device"));
  if (identities.includes(identityOf(name))) return "same";
  return identities.some((identity) => identity.startsWith(PREFIX)) ? "other" : "unknown";
}

async function readIdentities(directory: string): Promise<string[]> {
  const read = (file: string) => Deno.readFile(join(directory, file)).catch(() => new Uint8Array());
  const [vendor, model, wwid, page] = await Promise.all(["vendor", "model", "wwid", "vpd_pg83"].map(read));
  const names = parsePage(page!);
  return [
    ...names,
    ...names.map((name) => `${normalize(vendor!)}_${normalize(model!)}_${name}`),
    normalize(wwid!).replace(/^t10\./, ""),
  ];
}

/** The names on the page for identification: each has a type, a length and, if it is text, letters. */
function parsePage(page: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 4; at + 4 <= page.length;) {
    const end = at + 4 + page[at + 3]!;
    const isText = (page[at]! & 0x0f) >= 2;
    if (isText) names.push(normalize(page.subarray(at + 4, end)));
    at = end;
  }
  return names;
}

/** As udev writes it in names of links: without padding, and with `_` for spaces. */
function normalize(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes).replaceAll("\0", " ").trim().replace(/\s+/g, "_");
}
