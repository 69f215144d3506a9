export * as identity from './gen/hallmark/identity/v1/identity_service.ts';
export * as images from './gen/hallmark/images/v1/images_service.ts';
export * as instances from './gen/hallmark/instances/v1/instances_service.ts';
export * as reflection from './gen/grpc/reflection/v1/reflection.ts';
export * as vendordata from './vendordata.ts';
export { readDescriptorSet } from './descriptors.ts';
