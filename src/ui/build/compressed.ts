import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** A text, and what a browser is sent in its place. */
export interface Compressed {
  readonly brotli: Buffer;
  readonly gzip: Buffer;
}

/** As small as it gets: this is done once, and read many times. */
export function compressed(bytes: Uint8Array): Compressed {
  return {
    brotli: brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
    gzip: gzipSync(bytes, { level: 9 }),
  };
}
