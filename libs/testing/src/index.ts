export { createTestCertificates } from './certificates.ts';
export type { CertificateFiles, CertificateRequest, TestCertificates } from './certificates.ts';
