/**
 * The name of this installation. Drivers put it into the names of what they create at a provider, so that two
 * hosts of one account never use each other's volumes. See docs/decisions/0072.
 * @module
 */

/** The name of an installation. */
export interface Installation {
  readonly name: string;
  /**
   * Keeps the name for good. The node calls it before each call of a driver with the capability
   * `usesInstallation`, since a name that changes later would hide what carries the earlier one.
   *
   * @throws {RuneError} if the name cannot be stored; then the driver is not called.
   */
  keep(): Promise<void>;
}
