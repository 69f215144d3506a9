import { createFileRegistry, fromBinary, toBinary, type DescFile } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status, type handleBidiStreamingCall, type Server } from '@grpc/grpc-js';
import { readDescriptorSet, reflection } from '@hallmark/contracts';

type Request = reflection.ServerReflectionRequest;
type Response = reflection.ServerReflectionResponse;

/**
 * Serves `grpc.reflection.v1` from the contracts' descriptor set, so that `buf curl` and its like
 * need no schema. `services` are the full names to list.
 */
export function addReflection(server: Server, services: readonly string[]): void {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readDescriptorSet()));
  const files = new Map([...registry.files].map((file) => [`${file.name}.proto`, file]));

  const find = (question: Request['messageRequest']): DescFile | undefined => {
    switch (question?.$case) {
      case 'fileByFilename':
        return files.get(question.value);
      case 'fileContainingSymbol':
        return fileOf(question.value);
      default:
        return undefined;
    }
  };
  // A method or field is found through the service or message that holds it.
  const fileOf = (symbol: string): DescFile | undefined =>
    registry.get(symbol)?.file ?? registry.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf('.'))))?.file;

  const answer = (request: Request): Response['messageResponse'] => {
    if (request.messageRequest?.$case === 'listServices') {
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    }
    const file = find(request.messageRequest);
    if (!file) {
      return {
        $case: 'errorResponse',
        value: { errorCode: status.NOT_FOUND, errorMessage: 'No such file or symbol here.' },
      };
    }
    const fileDescriptorProto = withImports(file).map(({ proto }) =>
      Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
    );
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
  };

  const serverReflectionInfo: handleBidiStreamingCall<Request, Response> = (call) => {
    call.on('data', (request: Request) => {
      call.write({ validHost: request.host, originalRequest: request, messageResponse: answer(request) });
    });
    call.on('end', () => {
      call.end();
    });
  };
  server.addService(reflection.ServerReflectionService, { serverReflectionInfo });
}

/** A file and everything it needs, each once. */
function withImports(file: DescFile, seen = new Set<DescFile>()): DescFile[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [file, ...file.dependencies.flatMap((dependency) => withImports(dependency, seen))];
}
