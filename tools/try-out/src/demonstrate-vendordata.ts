import type { Nova, VendordataAnswer } from './nova.ts';
import { cameFromMemory, describeAnswer, describeCall, describeParts } from './report.ts';
import { TryOutFailure } from './try-out-failure.ts';

/** What Nova does while it builds an instance, and what came of it. */
export async function demonstrateVendordata(nova: Nova, say: (text: string) => void): Promise<void> {
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
