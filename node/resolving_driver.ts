/**
 * Drivers as the controllers see them: references to secrets in the parameters are resolved at every call, so that a rotated
 * secret reaches the next one, and whoever calls holds nothing but the references.
 * @module
 */
import type { Driver, VolumeContext } from "../drivers/driver.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { resolveParameters } from "./secret_refs.ts";

/** The same drivers, each call given parameters in plain. @param secrets where references are looked up. */
export function resolvingDrivers(
  drivers: ReadonlyMap<string, Driver>,
  secrets: SecretReader,
): Map<string, Driver> {
  return new Map([...drivers].map(([name, driver]) => [name, resolvingDriver(driver, secrets)]));
}

function isContext(value: unknown): value is VolumeContext {
  return typeof value === "object" && value !== null && "parameters" in value && "volume" in value;
}

function resolvingDriver(driver: Driver, secrets: SecretReader): Driver {
  return new Proxy(driver, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      // What judges a declaration sees it as it was written: the secret may come later.
      if (property === "validate") return member.bind(target);
      return async (first: unknown, ...rest: unknown[]) => {
        if (!isContext(first)) return await member.call(target, first, ...rest);
        const { namespace } = first.volume;
        const parameters = await resolveParameters(first.parameters, { namespace, secrets });
        return await member.call(target, { ...first, parameters }, ...rest);
      };
    },
  });
}
