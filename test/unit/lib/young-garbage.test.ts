import { describe, expect, it } from 'vitest';
import { bytesPassed } from '../../../src/lib/young-garbage.ts';

const CHUNK_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

/** How much more memory than before was held in buffers at most, while so many bytes passed through. */
function heldBytes(totalBytes: number, onChunk: (bytes: number) => void): number {
  const startBytes = process.memoryUsage().arrayBuffers;
  let heldBytes = 0;
  for (let bytes = 0; bytes < totalBytes; bytes += CHUNK_BYTES) {
    onChunk(Buffer.allocUnsafeSlow(CHUNK_BYTES).length);
    heldBytes = Math.max(heldBytes, process.memoryUsage().arrayBuffers - startBytes);
  }
  return heldBytes;
}

describe('bytes that pass through', () => {
  it('leave few buffers behind, however many they are', () => {
    expect(heldBytes(512 * MIB, bytesPassed)).toBeLessThan(16 * MIB);
  });
});
