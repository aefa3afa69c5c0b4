/**
 * Checks the text of image references: `[registry[:port]/]name[:tag][@digest]`, the format of Docker and OCI.
 * @module
 */
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

const HOST =
  /^(localhost|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:.]+\])(:\d+)?$/;
const PART = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const EXAMPLE = "write [registry/]name[:tag][@digest], such as nginx:1.27 or ghcr.io/owner/app:2";

/** What is wrong with a reference, and what to write; undefined if the text is valid. */
export function imageIssue(image: string): string | undefined {
  if (image.trim() === "") return `expected an image: ${EXAMPLE}`;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(image)) {
    return `an image is not a URL: write ${image.replace(/^[^:]*:\/+/, "")} without the scheme`;
  }
  if (/\$\{|\$[A-Za-z_]|\{\{/.test(image)) return "variables are not replaced here: write the image itself";
  if (/\s/.test(image)) return `an image has no spaces: ${EXAMPLE}`;
  const at = image.indexOf("@");
  const [named, digest] = at < 0 ? [image, undefined] : [image.slice(0, at), image.slice(at + 1)];
  if (digest !== undefined && !isDigest(digest)) {
    return "expected a digest after @: sha256: and 64 digits from 0 to 9 and a to f";
  }
  // A colon before the last slash belongs to the registry's port.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const [name, tag] = colon < 0 ? [named, undefined] : [named.slice(0, colon), named.slice(colon + 1)];
  if (tag === "") return `the tag after ":" is missing: write ${name}:<tag>, or leave the ":" out`;
  if (tag !== undefined && !TAG.test(tag)) {
    return `"${
      shorten(tag)
    }" is no tag: at most 128 letters, digits, "_", "." and "-", none of the last two first`;
  }
  const [first = "", ...rest] = name.split("/");
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const parts = isRegistry ? rest : [first, ...rest];
  if (isRegistry && !HOST.test(first)) {
    return `"${shorten(first)}" is not a registry: write host, or host:port`;
  }
  const wrong = parts.find((part) => !PART.test(part));
  if (wrong === undefined) return undefined;
  if (PART.test(wrong.toLowerCase())) {
    return `image names are lower case: write ${image.replace(wrong, wrong.toLowerCase())}`;
  }
  return `"${shorten(wrong || name)}" is not the name of an image: ${EXAMPLE}`;
}

const shorten = (text: string) => text.length <= 40 ? text : `${text.slice(0, 40)}…`;

function isDigest(text: string): boolean {
  const [algorithm, digits] = text.split(":");
  const length = { sha256: 64, sha384: 96, sha512: 128 }[algorithm!];
  return DIGEST.test(text) &&
    (length === undefined || /^[0-9a-f]+$/.test(digits!) && digits!.length === length);
}

/** An image reference. */
export const imageSchema = textUpTo(LIMITS.image).superRefine((image, ctx) => {
  const message = imageIssue(image);
  if (message !== undefined) ctx.addIssue({ code: "custom", message });
});
