/** A proxy of a machine where nobody asks for host names. @module */
import { createKeyFeed } from "../../base/key_feed.ts";
import type { Proxy, ProxyEvent } from "../proxy/proxy.ts";

/** See the module comment. */
export const NO_PROXY: Proxy = {
  apply: () => Promise.resolve({}),
  events: (signal) => createKeyFeed<ProxyEvent>().listen(signal),
};
