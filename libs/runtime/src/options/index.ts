import { z } from 'zod';
import { gateway, gateway_nova, vendordata_endpoint } from './gateway.ts';
import {
  glance_store,
  image_format,
  image_import_opts,
  image_store,
  import_filtering_opts,
  inject_metadata_properties,
  oslo_policy,
  task,
} from './glance.ts';
import { identity } from './identity.ts';
import { gateway_image, images } from './images.ts';
import { boot_api, config_drive, gateway_guest, instances, postgres } from './instances.ts';
import { keystone_authtoken, vendordata_dynamic_auth } from './keystone.ts';
import { api, neutron } from './nova.ts';
import { DEFAULT, log } from './process.ts';
import { rpc } from './rpc.ts';
import { vendordata, vendordata_cache, vendordata_target } from './vendordata.ts';

export { authPlugin, authSession } from './keystone.ts';

/** Every option of every section. The reference page and the sample files are made from it. */
export const configSchema = z.object({
  DEFAULT,
  log,
  gateway,
  gateway_nova,
  gateway_guest,
  gateway_image,
  boot_api,
  vendordata_endpoint,
  rpc,
  identity,
  keystone_authtoken,
  vendordata_dynamic_auth,
  vendordata,
  api,
  vendordata_target: z.map(z.string(), vendordata_target),
  vendordata_cache,
  instances,
  config_drive,
  postgres,
  neutron,
  images,
  glance_store,
  image_store: z.map(z.string(), image_store),
  image_format,
  image_import_opts,
  import_filtering_opts,
  inject_metadata_properties,
  task,
  oslo_policy,
});

/** The sections with a name of their own; those of targets and of image stores are read beside them. */
export const {
  vendordata_target: targetSections,
  image_store: storeSections,
  ...plainSections
} = configSchema.shape;
export const targetSection = vendordata_target;
export const storeSection = image_store;

export type SectionName = keyof typeof plainSections;

/** Where an option that nobody knows is a mistake. The other sections belong to other services too. */
export const OWNED_SECTIONS: readonly SectionName[] = [
  'log',
  'rpc',
  'gateway',
  'gateway_nova',
  'gateway_guest',
  'boot_api',
  'vendordata_endpoint',
  'identity',
  'vendordata',
  'vendordata_cache',
  'instances',
  'config_drive',
  'postgres',
  'images',
  'gateway_image',
];
