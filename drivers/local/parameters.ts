/** The parameters of the driver `local`. @module */
import { ACCEPT_FILESYSTEM } from "../accept_filesystem.ts";
import type { ParameterDocs } from "../entry.ts";

/** The documentation of the parameters. */
export const LOCAL_PARAMETERS = { acceptFilesystem: ACCEPT_FILESYSTEM } satisfies ParameterDocs;

/** Their keys. */
export const LOCAL_PARAMETER_KEYS: string[] = Object.keys(LOCAL_PARAMETERS);
