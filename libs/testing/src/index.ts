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
