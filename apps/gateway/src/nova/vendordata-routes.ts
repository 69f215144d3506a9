import type { HttpRoute } from '../http/routes.ts';
import { admit, type Admission } from './admit.ts';
import { postVendordata, type VendordataEndpoint } from './post-vendordata.ts';

/** Nova's dialect: what all targets, or one, say of an instance. */
export function vendordataRoutes(options: Admission & VendordataEndpoint): HttpRoute[] {
  const serve = postVendordata(options);
  return (['/vendordata', '/vendordata/:name'] as const).map((path) => ({
    method: 'POST',
    path,
    admit: (exchange, done) => admit(options, exchange, done),
    serve,
  }));
}
