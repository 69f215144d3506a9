import { readFileSync } from 'node:fs';

/**
 * Reads the serialised `google.protobuf.FileDescriptorSet` of every contract, for gRPC reflection.
 * The build copies nothing: the file lies beside the generated sources.
 */
export function readDescriptorSet(): Buffer {
  return readFileSync(new URL('../src/gen/image.binpb', import.meta.url));
}
