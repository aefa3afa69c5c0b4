/** What somebody else may have on a device, as the few bytes by which it is recognised. @module */

const MIB = 1 << 20;
/** Any formatting changes the beginning of a device. */
const HEAD = 8 * MIB;

const text = (value: string) => new TextEncoder().encode(value);
const numbers = (...values: number[]) => {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => view.setUint32(i * 4, value, true));
  return new Uint8Array(view.buffer);
};

const BOOT = { 510: Uint8Array.of(0x55, 0xaa) };
const LUKS = { 0: Uint8Array.of(...text("LUKS"), 0xba, 0xbe, 0, 1) };
const SWAP = { 1024: Uint8Array.of(1, 0, 0, 0, 255), 4086: text("SWAPSPACE2") };
const RAID = numbers(0xa92b4efc, 1, 0, 0);

/**
 * The bytes of each kind by their offset. A negative offset counts from the end of the device. blkid(8)
 * recognises most kinds. What it does not recognise is data too.
 */
export const FOREIGN_CONTENT: Record<string, Record<number, Uint8Array>> = {
  "a partition table": { ...BOOT, 446: Uint8Array.of(0, 0, 2, 0, 0x83, 0, 4, 0, 8, 0, 0, 0, 0, 16) },
  "a GPT": {
    ...BOOT,
    446: Uint8Array.of(0, 0, 2, 0, 0xee, 0, 4, 0, 1, 0, 0, 0, 255, 63),
    512: text("EFI PART"),
  },
  "only the second copy of a GPT": { [-512]: text("EFI PART") },
  "swap space": SWAP,
  "a LUKS header": LUKS,
  "the second version of a LUKS header": { 0: Uint8Array.of(...text("LUKS"), 0xba, 0xbe, 0, 2) },
  "a part of an LVM group": { 512: text("LABELONE"), 536: text("LVM2 001") },
  "a part of a RAID 0.90": { [-65_536]: RAID },
  "a part of a RAID 1.0": { [-8_192]: RAID },
  "a part of a RAID 1.1": { 0: RAID },
  "a part of a RAID 1.2": { 4_096: RAID },
  "a btrfs": { 65_600: text("_BHRfS_M") },
  "a squashfs": { 0: text("hsqs") },
  "an NTFS": { ...BOOT, 3: text("NTFS    ") },
  "a FAT": { ...BOOT, 82: text("FAT32   ") },
  "an exFAT": { ...BOOT, 3: text("EXFAT   ") },
  "an ISO 9660": { 32_769: text("CD001") },
  "an F2FS": { 1_024: numbers(0xf2f52010) },
  "a reiserfs": { 65_588: text("ReIsEr2Fs") },
  "a bcache": { 4_120: Uint8Array.fromHex("c68573f64e1a45ca8265f57f48ba6d81") },
  "the last label of a ZFS pool": { [-131_072]: numbers(0x00bab10c) },
  "a disk of Ceph": { 0: text("bluestore block device\n") },
  "a container of VeraCrypt, which looks random": { 0: crypto.getRandomValues(new Uint8Array(65_536)) },
  "rows of a database without a filesystem": { 40_960: text("INSERT INTO") },
  "one byte at its end": { [-1]: Uint8Array.of(1) },
  "two things at once": { ...LUKS, ...SWAP },
};

/** Writes one of {@linkcode FOREIGN_CONTENT} to a device or an image. */
export async function writeForeign(device: string, content: Record<number, Uint8Array>): Promise<void> {
  using file = await Deno.open(device, { read: true, write: true });
  for (const [at, bytes] of Object.entries(content)) {
    const offset = Number(at);
    await file.seek(offset, offset < 0 ? Deno.SeekMode.End : Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  }
  await file.sync();
}

/** A digest of both ends of a device or an image. */
export async function digestEnds(device: string): Promise<string> {
  using file = await Deno.open(device);
  const [head, tail] = [new Uint8Array(HEAD), new Uint8Array(MIB)];
  await file.read(head);
  await file.seek(-MIB, Deno.SeekMode.End);
  await file.read(tail);
  const hashes = await Promise.all([head, tail].map((bytes) => crypto.subtle.digest("SHA-256", bytes)));
  return hashes.map((hash) => new Uint8Array(hash).toHex()).join();
}
