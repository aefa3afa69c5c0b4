/** Credentials for registries: which pattern an image's repository matches, and how the Engine is told them. @module */

/** Credentials of one entry of the runefile's `docker.registries`, as they are now. */
export interface RegistryAuth {
  /** The entry's pattern, for messages. */
  match: string;
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
 * Whether a pattern covers a repository: a registry, or a registry and the beginning of a path, part by part; `*` stands for
 * any text within a part.
 */
export function matchesRepository(pattern: string, repository: string): boolean {
  const parts = pattern.replace(/\/\*$/, "").split("/");
  const wanted = repository.split("/");
  return parts.length <= wanted.length && parts.every((part, i) => {
    const text = part.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    return new RegExp(`^${text}$`).test(wanted[i]!);
  });
}

/** The entry with the longest pattern that covers the repository. */
export function longestMatch<E extends { match: string }>(entries: E[], repository: string): E | undefined {
  return entries.filter(({ match }) => matchesRepository(match, repository))
    .reduce<E | undefined>((best, e) => best && best.match.length >= e.match.length ? best : e, undefined);
}

/** The value of `X-Registry-Auth`: base64url of JSON. */
export function authHeader({ server, username, password, token }: RegistryAuth): string {
  const auth = token === undefined
    ? { username, password, serveraddress: server }
    : { registrytoken: token, serveraddress: server };
  const bytes = new TextEncoder().encode(JSON.stringify(auth));
  // With its padding: old Engines refuse a text without.
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
