export { createTestCertificates } from './certificates.ts';
export type { CertificateFiles, CertificateRequest, TestCertificates } from './certificates.ts';
export { startFakeTarget } from './fake-target.ts';
export type {
  FakeTarget,
  FakeTargetAnswer,
  FakeTargetFault,
  FakeTargetOptions,
  FakeTargetRequest,
} from './fake-target.ts';
export { startFakeProvider } from './fake-provider.ts';
export type {
  FakeProvider,
  FakeProviderAnswer,
  FakeProviderCall,
  FakeProviderOptions,
} from './fake-provider.ts';
export { Container, HOST_FROM_CONTAINERS } from './containers.ts';
export type { ContainerOptions } from './containers.ts';
export { describeWithDocker, dockerAvailable } from './docker.ts';
export { ensureImage, TEST_IMAGES } from './images.ts';
export type { TestImage } from './images.ts';
export { FakeS3 } from './fake-s3.ts';
export type { FakeS3Fault, FakeS3Request } from './fake-s3.ts';
export { KEYSTONE_USERS, startKeystone } from './keystone.ts';
export type { IssuedToken, KeystoneOptions, KeystoneServer, KeystoneUser, TokenOwner } from './keystone.ts';
export { aNovaInstance, startNova } from './nova.ts';
export type { NovaAnswer, NovaInstance, NovaMetadata, NovaOptions } from './nova.ts';
export { freePort, freePorts } from './ports.ts';
export { PostgresServer } from './postgres-server.ts';
export type { PostgresServerOptions } from './postgres-server.ts';
export { TestPostgres, usePostgres } from './postgres.ts';
export { RedisServer, useRedis } from './redis.ts';
export type { RedisOptions } from './redis.ts';
export { RedisCluster, RedisSentinels } from './redis-topologies.ts';
export type { RedisNode } from './redis-topologies.ts';
export { SwiftServer } from './swift.ts';
export { startRelay } from './relay.ts';
export type { Relay } from './relay.ts';
export { resetSocket } from './reset-socket.ts';
export { waitFor } from './wait-for.ts';
export { startFakeKeystone } from './fake-keystone.ts';
export type {
  FakeApplicationCredential,
  FakeKeystone,
  FakeKeystoneOptions,
  FakeUser,
  IssueRequest,
  KeystoneRequest,
} from './fake-keystone.ts';
export { startFakeNeutron } from './fake-neutron.ts';
export type { FakeNeutron, FakePort, FakeSubnet, NeutronRequest } from './fake-neutron.ts';
