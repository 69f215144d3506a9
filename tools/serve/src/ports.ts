import { freePort, isPortFree } from '@hallmark/runtime';
import { APPS, type AppName } from './apps.ts';

/** One port for each listener of a Hallmark on one machine. */
export interface Ports {
  readonly nova: number;
  readonly identity: number;
  readonly vendordata: number;
  readonly instances: number;
  /** Where instances gives config drives. */
  readonly instancesData: number;
  /** The gateway's listener for guests. */
  readonly guest: number;
  readonly images: number;
  /** Where images takes and gives the data of images. */
  readonly imagesData: number;
  /** The gateway's listener for the Image API. */
  readonly image: number;
  readonly ops: ReadonlyMap<AppName, number>;
}

/** Free ports, all different. Nova's door gets the preferred one unless somebody listens there. */
export async function choosePorts(preferred?: number): Promise<Ports> {
  const nova = preferred !== undefined && (await isPortFree(preferred)) ? preferred : await freePort();
  const ops = new Map<AppName, number>();
  for (const app of APPS) ops.set(app, await freePort());
  return {
    nova,
    identity: await freePort(),
    vendordata: await freePort(),
    instances: await freePort(),
    instancesData: await freePort(),
    guest: await freePort(),
    images: await freePort(),
    imagesData: await freePort(),
    image: await freePort(),
    ops,
  };
}

/** The services that a Hallmark may go without. */
export interface Choice {
  readonly instances?: boolean;
  readonly images?: boolean;
}

/** The configuration that puts each process at its ports and tells it where the others are. */
export function addresses(ports: Ports, { instances = false, images = false }: Choice): string {
  const { nova, identity, vendordata } = ports;
  return `# Where each process listens and finds the others.
[gateway_nova]
listen = 127.0.0.1:${nova}

[gateway]
${opsListen(ports, 'gateway')}

[identity]
listen = 127.0.0.1:${identity}
${opsListen(ports, 'identity')}

[vendordata]
listen = 127.0.0.1:${vendordata}
${opsListen(ports, 'vendordata')}

[rpc]
identity_endpoints = 127.0.0.1:${identity}
vendordata_endpoints = 127.0.0.1:${vendordata}
${instances ? instancesEndpoints(ports) : ''}${images ? imagesEndpoints(ports) : ''}
${instances ? instancesListeners(ports) : ''}${images ? imagesListeners(ports) : ''}`;
}

const instancesEndpoints = ({ instances, instancesData }: Ports): string =>
  `instances_endpoints = 127.0.0.1:${instances}
instances_data_endpoints = 127.0.0.1:${instancesData}
`;

const imagesEndpoints = ({ images, imagesData }: Ports): string =>
  `images_endpoints = 127.0.0.1:${images}
images_data_endpoints = 127.0.0.1:${imagesData}
`;

function instancesListeners(ports: Ports): string {
  return `[instances]
listen = 127.0.0.1:${ports.instances}
data_listen = 127.0.0.1:${ports.instancesData}
${opsListen(ports, 'instances')}

[gateway_guest]
listen = 127.0.0.1:${ports.guest}

`;
}

function imagesListeners(ports: Ports): string {
  return `[images]
listen = 127.0.0.1:${ports.images}
data_listen = 127.0.0.1:${ports.imagesData}
${opsListen(ports, 'images')}

[gateway_image]
listen = 127.0.0.1:${ports.image}
`;
}

const opsListen = ({ ops }: Ports, app: AppName): string => `ops_listen = 127.0.0.1:${ops.get(app) ?? 0}`;
