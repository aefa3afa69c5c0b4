/** Settings of all drivers for tests. @module */
import { type DriverSettings, settleDrivers } from "../registry.ts";

/** The defaults of all drivers below a directory, without a trash. */
export function makeDriverSettings(dataDir: string, settings: Partial<DriverSettings> = {}): DriverSettings {
  return {
    ...settleDrivers({}, { dataDir }),
    localVolumeRoot: `${dataDir}/volumes`,
    allowCreateMissing: false,
    trashRetentionMs: 0,
    ...settings,
  };
}
