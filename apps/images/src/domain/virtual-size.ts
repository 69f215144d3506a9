/** How many bytes of the beginning tell the virtual size. */
export const HEAD_BYTES = 512;

const QCOW_MAGIC = 0x51_46_49_fb;
const QCOW_SIZE_AT = 24;

/**
 * Bytes that a guest sees as its disk. Null where the data does not say it in its first bytes, or is
 * not what it claims to be.
 */
export function virtualSizeOf(diskFormat: string | null, head: Uint8Array, size: number): number | null {
  if (size === 0) return null;
  switch (diskFormat) {
    case 'raw':
    case 'iso':
      return size;
    case 'qcow2':
      return qcowSize(head);
    default:
      return null;
  }
}

function qcowSize(head: Uint8Array): number | null {
  if (head.length < QCOW_SIZE_AT + 8) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== QCOW_MAGIC) return null;
  const size = view.getBigUint64(QCOW_SIZE_AT);
  return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : null;
}
