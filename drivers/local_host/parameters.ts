/** The parameters of the driver `local-host`. @module */
import { ACCEPT_FILESYSTEM } from "../accept_filesystem.ts";
import type { ParameterDocs } from "../entry.ts";

/** The documentation of the parameters. */
export const LOCAL_HOST_PARAMETERS = {
  hostPath: {
    means:
      "The directory. It lies in one of `storage.hostPathAllowlist`, or in one of the namespace's `hostPaths`.",
    form: "absolute path",
    default: "required",
    example: "/srv/data/shop",
  },
  createIfMissing: {
    means: "Whether Rune makes the directory. `storage.allowCreateMissing` must allow it.",
    form: '`"true"`, `"false"`',
    default: '`"false"`',
    example: '"true"',
  },
  uid: {
    means: "The owner that the directory gets, once, when the volume is made.",
    form: "number",
    default: "the owner that it has",
    example: '"1000"',
  },
  gid: {
    means: "The group that the directory gets, once, when the volume is made.",
    form: "number",
    default: "the group that it has",
    example: '"1000"',
  },
  acceptFilesystem: ACCEPT_FILESYSTEM,
} satisfies ParameterDocs;
