export * as identity from './gen/hallmark/identity/v1/identity_service.ts';
export * as vendordata from './vendordata.ts';
