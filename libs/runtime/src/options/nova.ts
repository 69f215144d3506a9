import { z } from 'zod';
import { bool, int, list, str } from '../config/oslo-types.ts';

/**
 * Nova's own options, with Nova's names, types, defaults and former homes, so that Hallmark can be
 * pointed at `/etc/nova/nova.conf`. What else stands in these sections is Nova's business.
 */

const FORMERLY_IN_DEFAULT = { formerly: [{ section: 'DEFAULT' }] };

export const api = z
  .object({
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
  })
  .describe("Nova's section: which targets are asked, as nova.conf says it.");
