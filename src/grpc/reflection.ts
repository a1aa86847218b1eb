import { type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { requireCaller } from './gate.ts';
import {
  file_grpc_reflection_v1_reflection,
  type ServerReflectionRequest,
  ServerReflection as V1,
} from './stubs/grpc/reflection/v1/reflection_pb.ts';
import {
  file_grpc_reflection_v1alpha_reflection,
  ServerReflection as V1Alpha,
} from './stubs/grpc/reflection/v1alpha/reflection_pb.ts';

/** What one stream is asked at most. */
const MOST_QUESTIONS = 1000;

/** Has tools such as grpcurl ask what there is to call, by both names that the service has had. */
export function addReflection(router: ConnectRouter, served: readonly DescFile[]): void {
  const files = [...served, file_grpc_reflection_v1_reflection, file_grpc_reflection_v1alpha_reflection];
  const answer = createAnswers(files);
  for (const service of [V1, V1Alpha]) {
    router.service(service, {
      async *serverReflectionInfo(requests: AsyncIterable<Question>, context: HandlerContext) {
        requireCaller(context);
        let questions = 0;
        for await (const request of requests) {
          questions += 1;
          if (questions > MOST_QUESTIONS) return;
          yield { validHost: request.host, messageResponse: answer(request) };
        }
      },
    });
  }
}

type Question = Pick<ServerReflectionRequest, 'host' | 'messageRequest'>;

function createAnswers(files: readonly DescFile[]) {
  const all = withDependencies(files);
  const services = files.flatMap((file) => file.services.map(({ typeName }) => typeName));
  const bySymbol = new Map(all.flatMap((file) => symbolsOf(file).map((name) => [name, file] as const)));

  /** A file and all that it is made of. */
  const described = (file: DescFile | undefined, asked: string) =>
    file === undefined
      ? ({
          case: 'errorResponse',
          value: { errorCode: Code.NotFound, errorMessage: `There is no ${asked.slice(0, 200)}` },
        } as const)
      : ({
          case: 'fileDescriptorResponse',
          value: {
            fileDescriptorProto: withDependencies([file]).map(({ proto }) =>
              toBinary(FileDescriptorProtoSchema, proto),
            ),
          },
        } as const);

  return ({ messageRequest: { case: kind, value } }: Question) => {
    switch (kind) {
      case 'listServices':
        return {
          case: 'listServicesResponse',
          value: { service: services.map((name) => ({ name })) },
        } as const;
      case 'fileByFilename':
        return described(
          all.find(({ proto }) => proto.name === value),
          value,
        );
      case 'fileContainingSymbol':
        return described(bySymbol.get(value), value);
      case 'allExtensionNumbersOfType':
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: value } } as const;
      default:
        return {
          case: 'errorResponse',
          value: { errorCode: Code.NotFound, errorMessage: 'There is no such extension' },
        } as const;
    }
  };
}

/** What a file is made of first. */
function withDependencies(files: readonly DescFile[]): DescFile[] {
  const all: DescFile[] = [];
  const add = (file: DescFile): void => {
    if (all.includes(file)) return;
    file.dependencies.forEach(add);
    all.push(file);
  };
  files.forEach(add);
  return all;
}

function symbolsOf({ services, messages, enums }: DescFile): string[] {
  return [
    ...services.flatMap(({ typeName, methods }) => [
      typeName,
      ...methods.map(({ name }) => `${typeName}.${name}`),
    ]),
    ...messages.map(({ typeName }) => typeName),
    ...enums.map(({ typeName }) => typeName),
  ];
}
