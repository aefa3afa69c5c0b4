/** The secrets of a state that is being restored, for the drivers that take its volumes. @module */
import type { KekSource } from "../../store/restore_target.ts";
import { noSecret, openVault, type SecretReader, type Vault } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";

/**
 * Reads secrets of a restored state. The vault is opened at the first read only: most volumes need no secret,
 * and a state may be restored before its key is brought.
 *
 * @param source the key that the state goes on with.
 */
export function readRestoredSecrets(store: Store, source: KekSource): SecretReader & AsyncDisposable {
  let vault: Promise<Vault> | undefined;
  return {
    async readSecret(namespace, name) {
      // Without a secret there need be no key either, and opening the vault would make one.
      if (!store.get("sealedSecret", namespace, name)) throw noSecret({ namespace, name });
      vault ??= openVault(store, source);
      return await (await vault).readSecret(namespace, name);
    },
    async [Symbol.asyncDispose]() {
      await (await vault?.catch(() => undefined))?.close();
    },
  };
}
