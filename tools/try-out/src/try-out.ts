import { demonstrateImages } from './demonstrate-images.ts';
import { demonstrateInstances } from './demonstrate-instances.ts';
import { demonstrateVendordata } from './demonstrate-vendordata.ts';
import { startHouse, type House } from './house.ts';
import { IMAGE_JSON, ImageUser } from './image-user.ts';
import { INSTANCE_JSON, Nova } from './nova.ts';
import { PROJECT } from './user.ts';

export interface TryOutOptions {
  /** Ends after the demonstration instead of staying up. */
  once: boolean;
  /** Ends it at any time. */
  stop: AbortSignal;
  say: (text: string) => void;
}

const GREETING = `Hallmark, on embedded defaults. The Keystone here is a small stand-in, and the vendordata
services are the samples of tools/; everything else is what runs in a cloud.`;

/** Starts everything, shows one request of each kind from end to end, and stays up until told to stop. Leaves nothing behind. */
export async function tryOut({ once, stop, say }: TryOutOptions): Promise<void> {
  await using parts = new AsyncDisposableStack();
  say(`\n${GREETING}\n`);
  const begun = performance.now();
  const house = await startHouse(parts, stop);
  say(
    `${[...house.constellation.programs.keys()].join(', ')} are up after ${((performance.now() - begun) / 1000).toFixed(1)} s.\n`,
  );

  const nova = parts.use(await Nova.logIn(house.keystoneUrl, house.nova, house.constellation.url));
  await demonstrateVendordata(nova, say);
  await demonstrateInstances(house, say);
  const { keystoneUrl, user, constellation } = house;
  const alice = await ImageUser.logIn(keystoneUrl, user, PROJECT, constellation.imageUrl);
  await demonstrateImages(house, alice, say);
  if (once) return;
  say(`${invitation(house, nova.token, alice.token)}\n`);
  await new Promise((resolve) => {
    stop.addEventListener('abort', resolve, { once: true });
    if (stop.aborted) resolve(undefined);
  });
  say('\nStopping.');
}

function invitation({ constellation }: House, novaToken: string, userToken: string): string {
  const { url, imageUrl, directory } = constellation;
  return `Try it yourself, within the hour that the stand-in's token holds:

curl -i ${url}/vendordata -H 'Content-Type: application/json' -H 'X-Auth-Token: ${novaToken}' -d '${INSTANCE_JSON}'

What "openstack image create" and "openstack image list" send:

curl -i ${imageUrl}/v2/images -H 'Content-Type: application/json' -H 'X-Auth-Token: ${userToken}' -d '${IMAGE_JSON}'
curl -s ${imageUrl}/v2/images -H 'X-Auth-Token: ${userToken}'

In nova.conf it is one line:  vendordata_dynamic_targets = hallmark@${url}/vendordata
The boot API tells of itself: ${url}/openapi.json
Configuration and logs:       ${directory}/  (gone when this ends)

Ctrl-C stops everything.`;
}
