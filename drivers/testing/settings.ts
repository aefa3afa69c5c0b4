/** Settings of all drivers for tests. @module */
import { type DriverSettings, settleDrivers } from "../registry.ts";

/** Nothing listens here. No test reaches a provider. */
const NOWHERE = "http://127.0.0.1:1";

/** The defaults of all drivers below a directory, without a trash and without a provider. */
export function makeDriverSettings(dataDir: string, settings: Partial<DriverSettings> = {}): DriverSettings {
  return {
    ...settleDrivers({}, { dataDir }),
    localVolumeRoot: `${dataDir}/volumes`,
    allowCreateMissing: false,
    trashRetentionMs: 0,
    doApiUrl: NOWHERE,
    doMetadataUrl: NOWHERE,
    ...settings,
  };
}
