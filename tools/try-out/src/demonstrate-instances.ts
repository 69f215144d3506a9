import { createHash } from 'node:crypto';
import { listDrive } from './drive-listing.ts';
import { askAsGuest, type GuestAnswer } from './guest.ts';
import type { House } from './house.ts';
import { describeDrive, describeFiles, describeMembers } from './instance-report.ts';
import { formatMs } from './report.ts';
import { TryOutFailure } from './try-out-failure.ts';
import { User, type BootAnswer, type Instance } from './user.ts';

const DOCUMENT = '/openstack/latest/vendor_data2.json';

/** A user boots instances; what their guests read, what is on their drives, and what must not boot. */
export async function demonstrateInstances(house: House, say: (text: string) => void): Promise<void> {
  const { constellation } = house;
  const user = await User.logIn(house.keystoneUrl, house.user, constellation.url);

  const booted = await user.boot('mail-1');
  const instance = instanceIn(booted, 'ACTIVE');
  const read = await askAsGuest(guestDoor(house), instance, DOCUMENT);
  requireAnswer(read);
  say(`4. ${house.user.username}, whose roles are ${instance.boot_roles.join(', ')}, boots an instance with a config drive.
   ${describeBoot(booted, instance)}

   Its guest, behind Neutron's proxy, asks.
   GET ${read.path}  ->  ${read.status} in ${formatMs(read.ms)}

${describeMembers(read.body)}
`);

  const image = await user.configDrive(instance);
  requireWhole(image, instance);
  say(`5. Its config drive, fetched and listed.
${describeDrive(instance)}

${describeFiles(listDrive(image))}
`);

  const refused = await house.withoutInventory(async () => user.boot('mail-2'));
  const failed = instanceIn(refused, 'ERROR');
  say(`6. The service "inventory", without which nothing may boot here, goes down. Another instance:
   ${describeBoot(refused, failed)}

   ${failed.fault?.reason ?? ''}: ${failed.fault?.message ?? ''}
   (No half drive is left. "inventory" is up again.)
`);
}

const guestDoor = ({ constellation: { guestUrl, proxySecret } }: House) => ({ url: guestUrl, proxySecret });

function instanceIn(answer: BootAnswer, status: Instance['status']): Instance {
  if (answer.status !== 201) {
    throw new TryOutFailure(`POST /v1/instances was answered ${answer.status}: ${answer.text}`);
  }
  const instance = JSON.parse(answer.text) as Instance;
  if (instance.status === status) return instance;
  throw new TryOutFailure(`${instance.name} is in ${instance.status}, not in ${status}: ${answer.text}`);
}

function requireAnswer({ path, status, body }: GuestAnswer): void {
  if (status !== 200) throw new TryOutFailure(`The guest's GET ${path} was answered ${status}: ${body}`);
}

function requireWhole(image: Buffer, { drive }: Instance): void {
  const sha256 = createHash('sha256').update(image).digest('hex');
  if (sha256 !== drive?.sha256) {
    throw new TryOutFailure(
      `The config drive came with SHA-256 ${sha256}, not with ${drive?.sha256 ?? 'any'}.`,
    );
  }
}

const describeBoot = ({ status, ms }: BootAnswer, { name, status: state }: Instance): string =>
  `POST /v1/instances  ->  ${status} in ${formatMs(ms)}, ${name} is ${state}`;
