/** Malformed requests for tests of the app and the daemon. @module */

const makeDeep = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
/** Bodies that no route should accept. */
export const BODIES: string[] = [
  "",
  "{",
  "nul",
  "[".repeat(100_000),
  makeDeep(100_000),
  makeDeep(5_000),
  '{"resources": 1e999}',
  '{"resources": [{"kind": "service", "body": {"name": "a", "image": "a", "scale": 1e308}}]}',
  '{"resources": [{"kind": "service", "body": {"name": "a", "image": "a", "scale": -0.5}}]}',
  '{"resources": [{"kind": "volume", "body": {"name": "v", "size": "9e999999999", "accessMode": "ReadWriteOnce"}}]}',
  `{"resources": [{"kind": "configmap", "body": {"name": "a", "data": ${makeDeep(3_000)}}}]}`,
  '{"resources": [{"kind": "configmap", "body": {"name": "ａ", "data": {}}}]}',
  '{"resources": [{"kind": "configmap", "body": {"name": "a\\u0000b", "data": {}}}]}',
  '{"resources": [{"kind": "configmap", "body": {"name": "../../etc", "data": {}}}]}',
  '{"resources": [{"kind": "configmap", "body": {"name": "a", "namespace": "../x", "data": {}}}]}',
  '{"resources": [{"kind": "configmap", "body": {"name": "a", "data": {"../k": "v"}}}]}',
  '{"resources": [{"kind": "lease", "body": {"name": "a"}}]}',
  '{"resources": [{"kind": "sealedSecret", "body": {"name": "a"}}]}',
  '{"resources": [{"kind": "constructor", "body": {"name": "a"}}]}',
  '{"__proto__": {"resources": []}}',
  '{"resources": [{"kind": "service", "body": {"__proto__": {"name": "a"}, "image": "a"}}]}',
];
