/**
 * What client and daemon agree on before the first frame of an exec WebSocket. The frames are in api.ts.
 * @module
 */

/**
 * The WebSocket subprotocol for credit: neither side sends more bytes of data than the other has granted. A
 * client without it is an older one. It grants nothing and gets no grants, and the daemon ends it if too much
 * of its input waits.
 */
export const EXEC_PROTOCOL = "rune.exec.credit";

/** Bytes of data that each side grants at the start. */
export const EXEC_WINDOW: number = 256 * 1024;

/**
 * Valid values of `TERM`, as terminfo(5) names them. Nothing else from a client reaches a command's
 * environment.
 */
export const TERMINAL_NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;
