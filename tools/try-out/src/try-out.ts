import { startHouse, type House } from './house.ts';
import { INSTANCE_JSON, Nova, type VendordataAnswer } from './nova.ts';
import { cameFromMemory, describeAnswer, describeCall, describeParts } from './report.ts';

export interface TryOutOptions {
  /** Ends after the demonstration instead of staying up. */
  once: boolean;
  /** Ends it at any time. */
  stop: AbortSignal;
  say: (text: string) => void;
}

/** Hallmark is up but did not do what the try-out is to show. */
export class TryOutFailure extends Error {
  override readonly name = 'TryOutFailure';
}

const GREETING = `Hallmark, on embedded defaults. The Keystone here is a small stand-in, and the vendordata
services are the samples of tools/; everything else is what runs in a cloud.`;

/** Starts everything, shows one request from end to end, and stays up until told to stop. Leaves nothing behind. */
export async function tryOut({ once, stop, say }: TryOutOptions): Promise<void> {
  await using parts = new AsyncDisposableStack();
  say(`\n${GREETING}\n`);
  const begun = performance.now();
  const house = await startHouse(parts, stop);
  say(
    `${[...house.constellation.programs.keys()].join(', ')} are up after ${((performance.now() - begun) / 1000).toFixed(1)} s.\n`,
  );

  const nova = parts.use(await Nova.logIn(house.keystoneUrl, house.nova, house.constellation.url));
  await demonstrate(nova, say);
  if (once) return;
  say(`${invitation(house, nova.token)}\n`);
  await new Promise((resolve) => {
    stop.addEventListener('abort', resolve, { once: true });
    if (stop.aborted) resolve(undefined);
  });
  say('\nStopping.');
}

/** What Nova does while it builds an instance, and what came of it. */
async function demonstrate(nova: Nova, say: (text: string) => void): Promise<void> {
  const post = async (path: string): Promise<VendordataAnswer> => {
    const answer = await nova.post(path);
    if (answer.status === 200) return answer;
    throw new TryOutFailure(`POST ${path} was answered ${answer.status}: ${answer.body}`);
  };

  const first = await post('/vendordata');
  say(`1. Nova asks about an instance.\n   ${describeCall(first)}\n\n${describeAnswer(first)}\n`);

  const again = await post('/vendordata');
  say(`2. Nova asks again; for a config drive it does so five times.
   ${describeCall(again)}

${describeParts(again)}
   ("broken" may answer at any time, so this whole may not be kept; its other parts are.)
`);

  await post('/vendordata/inventory');
  const remembered = await post('/vendordata/inventory');
  if (!cameFromMemory(remembered)) {
    throw new TryOutFailure(`The gateway asked again: ${remembered.serverTiming}`);
  }
  say(`3. One service alone, the second time: from the gateway's memory, no other process was asked.
   ${describeCall(remembered)}

${describeParts(remembered)}
`);
}

function invitation({ constellation }: House, token: string): string {
  const { url, directory } = constellation;
  return `Try it yourself, within the hour that the stand-in's token holds:

curl -i ${url}/vendordata -H 'Content-Type: application/json' -H 'X-Auth-Token: ${token}' -d '${INSTANCE_JSON}'

In nova.conf it is one line:  vendordata_dynamic_targets = hallmark@${url}/vendordata
Configuration and logs:       ${directory}/  (gone when this ends)

Ctrl-C stops everything.`;
}
