/** What client and daemon agree on before the first frame of an exec WebSocket; the frames are in api.ts. @module */

/**
 * The subprotocol by which client and daemon agree that both honour credit: neither sends more bytes of data than the other
 * has granted. Without it the client is an older one: it grants nothing, is granted nothing, and is ended when more of its
 * input waits than the daemon keeps.
 */
export const EXEC_PROTOCOL = "rune.exec.credit";

/** Bytes of data that each side grants at first. */
export const EXEC_WINDOW: number = 256 * 1024;

/** What `TERM` may be: terminfo(5) has such names, and nothing else of a client reaches a command's environment. */
export const TERMINAL_NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;
