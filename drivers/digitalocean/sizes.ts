/** Sizes of volumes at DigitalOcean, which are whole numbers. @module */

const GB = 1e9;
/** What DigitalOcean makes of a "GB". */
const GIB = 2 ** 30;
/** The sizes that DigitalOcean has, in its GB. */
export const SMALLEST_GB = 1;
export const LARGEST_GB = 16_384;

/**
 * The size to ask for: `ceil(bytes / 1e9)`, so `1Gi` asks for 2 and `1G` for 1. DigitalOcean's GB has 2^30
 * bytes, so a volume is never smaller than what was asked for.
 */
export const gigabytesOf = (bytes: number): number => Math.max(SMALLEST_GB, Math.ceil(bytes / GB));

/** The size of the device of a volume, in bytes. */
export const bytesOf = (gigabytes: number): number => gigabytes * GIB;
