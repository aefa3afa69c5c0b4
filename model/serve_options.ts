/** Options of `rune serve`, which the command line parses and the daemon applies. @module */

/** Absent options come from the runefile, then from the defaults. */
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
