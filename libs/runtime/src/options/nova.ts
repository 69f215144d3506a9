import { z } from 'zod';
import { bool, choices, float, int, list, str } from '../config/oslo-types.ts';

/**
 * Nova's own options, with Nova's names, types, defaults and former homes, so that Hallmark can be
 * pointed at `/etc/nova/nova.conf`. What else stands in these sections is Nova's business.
 */

const FORMERLY_IN_DEFAULT = { formerly: [{ section: 'DEFAULT' }] };

export const api = z
  .object({
    vendordata_providers: choices('StaticJSON', 'DynamicJSON')
      .default(['StaticJSON'])
      .meta(FORMERLY_IN_DEFAULT)
      .describe(
        'What `vendor_data2.json` is made of, in this order: `StaticJSON`, the file below, and `DynamicJSON`, the targets.',
      ),
    vendordata_jsonfile_path: str()
      .optional()
      .meta(FORMERLY_IN_DEFAULT)
      .describe('The JSON file of `StaticJSON`, read again when it changes. Not set or empty: {}.'),
    vendordata_dynamic_targets: list()
      .default([])
      .meta(FORMERLY_IN_DEFAULT)
      .describe(
        'The targets to ask, `NAME@URL` each, in the order in which they are to appear. The scheme is http, https, grpc or grpcs.',
      ),
    vendordata_dynamic_ssl_certfile: str()
      .default('')
      .meta(FORMERLY_IN_DEFAULT)
      .describe(
        'File with the certificate authorities against which targets with TLS are verified. Empty: those of the system.',
      ),
    vendordata_dynamic_connect_timeout: int({ min: 3 })
      .default(5)
      .meta(FORMERLY_IN_DEFAULT)
      .describe('Seconds to wait for a connection to a target.'),
    vendordata_dynamic_read_timeout: int({ min: 0 })
      .default(5)
      .meta(FORMERLY_IN_DEFAULT)
      .describe('Seconds to wait for the next bytes of a target.'),
    vendordata_dynamic_failure_fatal: bool()
      .default(false)
      .describe(
        'Whether a target that fails makes the whole answer fail. `failure` in `[vendordata_target:NAME]` says otherwise for one target.',
      ),
    dhcp_domain: str()
      .default('novalocal')
      .meta(FORMERLY_IN_DEFAULT)
      .describe('The domain that a guest finds behind its host name. Empty: none.'),
    config_drive_skip_versions: str()
      .default('1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01')
      .meta(FORMERLY_IN_DEFAULT)
      .describe('EC2 versions that are left off config drives, with blanks between.'),
  })
  .describe("Nova's section: vendordata, metadata and config drives, as nova.conf says it.");

export const neutron = z
  .object({
    service_metadata_proxy: bool()
      .default(false)
      .describe("Whether guests come through Neutron's metadata proxy, whose headers say who they are."),
    metadata_proxy_shared_secret: str()
      .default('')
      .meta({ secret: true })
      .describe("The key with which Neutron's metadata proxy signs the instance id."),
    endpoint_override: str()
      .optional()
      .describe(
        'Where Neutron is, for instances that are known by their address only: behind a load balancer, or by TCP address.',
      ),
    timeout: float({ min: 0.1 }).default(10).describe('Seconds that one request to Neutron may take.'),
    cafile: str()
      .optional()
      .describe(
        'File with the certificate authorities against which Neutron is verified. Not set: those of the system.',
      ),
  })
  .describe("Nova's section: how guests are known.");
