/** Flags of `rune serve`: read by the command line, taken up by the daemon. @module */

/** What is absent comes from the runefile, then from the defaults. */
export interface ServeOptions {
  config?: string;
  dataDir?: string;
  httpAddr?: string;
  grpcAddr?: string;
  devMode?: boolean;
  logLevel?: string;
  logFormat?: string;
  nodeName?: string;
}
