/** Reads secrets of a restored state, for the drivers that import its volumes. @module */
import type { KekSource } from "../../store/restore_target.ts";
import { missingSecretError, openVault, type SecretReader, type Vault } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";

/**
 * Reads secrets of a restored state. Opens the vault at the first read, since most volumes need no secret and
 * the operator may provide the key later.
 *
 * @param source the key of the state.
 */
export function readRestoredSecrets(store: Store, source: KekSource): SecretReader & AsyncDisposable {
  let vault: Promise<Vault> | undefined;
  return {
    async readSecret(namespace, name) {
      // Without a secret there need be no key either, and opening the vault would make one.
      if (!store.get("sealedSecret", namespace, name)) throw missingSecretError({ namespace, name });
      vault ??= openVault(store, source);
      return await (await vault).readSecret(namespace, name);
    },
    async [Symbol.asyncDispose]() {
      await (await vault?.catch(() => undefined))?.close();
    },
  };
}
