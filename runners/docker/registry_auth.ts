/** Finds the credentials for an image's repository, and encodes them for the Engine. @module */

/** Credentials of the entry that covers a repository, as they are now. */
export interface RegistryAuth {
  /** What the operator knows the entry as, for messages. */
  entry: string;
  /** Where they are for. */
  server: string;
  username?: string;
  password?: string;
  /** A bearer token, instead of a name and password. */
  token?: string;
}

/** A name in full, as Docker reads it: `nginx` → `docker.io/library/nginx`. */
export function repositoryOf(name: string): string {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const bare = name.replace(/:[^:/]*$/, "");
  if (/[.:]/.test(first) || first === "localhost") return bare.replace(/^index\.docker\.io\//, "docker.io/");
  return slash < 0 ? `docker.io/library/${bare}` : `docker.io/${bare}`;
}

/**
 * Whether a pattern covers a repository: a registry, or a registry and the beginning of a path, part by part;
 * `*` stands for any text within a part.
 */
export function matchesRepository(pattern: string, repository: string): boolean {
  const parts = pattern.replace(/\/\*$/, "").split("/");
  const wanted = repository.split("/");
  return parts.length <= wanted.length && parts.every((part, i) => matchesPart(part, wanted[i]!));
}

/**
 * Takes the first place of each piece between stars, which costs no more than reading the text; a RegExp
 * would backtrack.
 */
function matchesPart(pattern: string, text: string): boolean {
  const [first, ...pieces] = pattern.split("*") as [string, ...string[]];
  const last = pieces.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= end;
}

/** The entry with the longest pattern that covers the repository; of two as long the first. */
export function longestMatch<E extends { match: string }>(entries: E[], repository: string): E | undefined {
  return entries.filter(({ match }) => matchesRepository(match, repository))
    .reduce<E | undefined>((best, e) => best && best.match.length >= e.match.length ? best : e, undefined);
}

/** The value of `X-Registry-Auth`: base64url of JSON. */
export function authHeader({ server, username, password, token }: Omit<RegistryAuth, "entry">): string {
  const auth = token === undefined
    ? { username, password, serveraddress: server }
    : { registrytoken: token, serveraddress: server };
  const bytes = new TextEncoder().encode(JSON.stringify(auth));
  // With its padding: old Engines refuse a text without.
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
