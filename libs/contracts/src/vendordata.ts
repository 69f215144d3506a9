/** Everything of the package `hallmark.vendordata.v1`, whose protos are two files. */
export * from './gen/hallmark/vendordata/v1/vendordata_service.ts';
export {
  GetVendordataRequest,
  GetVendordataResponse,
  MetadataItem,
  VendordataProviderClient,
  VendordataProviderService,
} from './gen/hallmark/vendordata/v1/vendordata_provider.ts';
export type { VendordataProviderServer } from './gen/hallmark/vendordata/v1/vendordata_provider.ts';
