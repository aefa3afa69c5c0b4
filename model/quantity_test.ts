import assert from "node:assert/strict";
import fc from "fast-check";
import { formatBytes, parseBytes, parseMilliCpu } from "./quantity.ts";

Deno.test("parseBytes() reads Kubernetes' suffixes, decimals and exponents", () => {
  const table: [string, number][] = [
    ["0", 0],
    ["10", 10],
    ["1Ki", 1024],
    ["10Gi", 10 * 1024 ** 3],
    ["500Mi", 500 * 1024 ** 2],
    ["1G", 1e9],
    ["1k", 1000],
    ["1K", 1000],
    ["1.5Gi", 1.5 * 1024 ** 3],
    [".5Ki", 512],
    ["1e3", 1000],
    ["1E3", 1000],
    ["1E", 1e18 > Number.MAX_SAFE_INTEGER ? NaN : 1e18],
    ["12e-1", 2],
    ["1500m", 2],
    ["0.1", 1],
  ];
  for (const [text, bytes] of table) {
    if (Number.isNaN(bytes)) assert.throws(() => parseBytes(text), { code: "invalid_argument" }, text);
    else assert.equal(parseBytes(text), bytes, text);
  }
});

Deno.test("parseBytes() refuses texts that are not sizes", () => {
  for (const text of ["", "10Gx", "Gi", "-1", "1 Gi", "1GiB", "0x10", "1..2", "1e999", "NaN", "٣"]) {
    assert.throws(() => parseBytes(text), { code: "invalid_argument" }, text);
  }
});

Deno.test("parseMilliCpu() counts thousandths, rounded up", () => {
  for (
    const [text, milli] of [["100m", 100], ["0.5", 500], ["2", 2000], ["0.0001", 1], ["1k", 1e6]] as const
  ) {
    assert.equal(parseMilliCpu(text), milli, text);
  }
  assert.throws(() => parseMilliCpu("half"), { code: "invalid_argument" });
});

Deno.test("parseBytes() agrees with exact arithmetic for every integer and suffix", () => {
  const suffixes = {
    "": 1n,
    Ki: 1024n,
    Mi: 1024n ** 2n,
    Gi: 1024n ** 3n,
    k: 1000n,
    M: 10n ** 6n,
    G: 10n ** 9n,
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8_000_000 }),
      fc.constantFrom(...Object.entries(suffixes)),
      (n, [suffix, factor]) => {
        const exact = BigInt(n) * factor;
        fc.pre(exact <= BigInt(Number.MAX_SAFE_INTEGER));
        assert.equal(parseBytes(`${n}${suffix}`), Number(exact));
      },
    ),
  );
});

Deno.test("formatBytes() of whole binary units reads back as the same size", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1023 }), fc.integer({ min: 0, max: 4 }), (n, power) => {
    const bytes = n * 1024 ** power;
    assert.equal(parseBytes(formatBytes(bytes)), bytes);
  }));
  assert.equal(formatBytes(1536), "1.5Ki");
  assert.equal(formatBytes(0), "0");
});
