import type { ContainerRuntimeClient } from 'testcontainers';

type Docker = ContainerRuntimeClient['container']['dockerode'];

interface Progress {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

/** Enough of a failed build's output to see which command of which step said what. */
const LINES_KEPT = 40;

/** Waits for the end of a build or import. One that failed rejects with the last of its output. */
export async function followBuild(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  const lines: string[] = [];
  let failure: string | undefined;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event: Progress) => {
        failure ??= event.error;
        if (event.stream) lines.push(event.stream);
        if (lines.length > LINES_KEPT) lines.shift();
      },
    );
  }).catch((error: unknown) => {
    failure ??= String(error);
  });
  if (failure !== undefined) throw new Error(`${failure}\n${lines.join('')}`);
}
