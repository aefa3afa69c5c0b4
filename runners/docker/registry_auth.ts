/** Finds the credentials for an image's repository, and encodes them for the Engine. @module */

/** The current credentials of the entry that covers a repository. */
export interface RegistryAuth {
  /** The operator's name for the entry, for messages. */
  entry: string;
  /** The registry that they are for. */
  server: string;
  username?: string;
  password?: string;
  /** A bearer token, instead of a name and password. */
  token?: string;
}

/** Expands a name as Docker does: `nginx` → `docker.io/library/nginx`. */
export function repositoryOf(name: string): string {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const bare = name.replace(/:[^:/]*$/, "");
  if (/[.:]/.test(first) || first === "localhost") return bare.replace(/^index\.docker\.io\//, "docker.io/");
  return slash < 0 ? `docker.io/library/${bare}` : `docker.io/${bare}`;
}

/**
 * Whether a pattern covers a repository. A pattern is a registry, or a registry and the beginning of a path,
 * compared part by part. `*` stands for any text within a part.
 */
export function matchesRepository(pattern: string, repository: string): boolean {
  const parts = pattern.replace(/\/\*$/, "").split("/");
  const wanted = repository.split("/");
  return parts.length <= wanted.length && parts.every((part, i) => matchesPart(part, wanted[i]!));
}

/**
 * Matches each piece between stars at its first place, which takes linear time. A RegExp would backtrack.
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

/** Finds the entry with the longest pattern that covers the repository; the first if two are equally long. */
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
  // With padding, which old Engines require.
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
