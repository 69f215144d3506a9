export { startVendordata, vendordataApp } from './vendordata.ts';
