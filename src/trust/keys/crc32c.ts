/** The polynomial of Castagnoli, its bits reversed (RFC 3720 §12.1). */
const POLYNOMIAL = 0x82f63b78;

/** CRC-32C of some text's bytes. Against broken cables, not against people. */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  }
  return (value ^ 0xffffffff) >>> 0;
}
