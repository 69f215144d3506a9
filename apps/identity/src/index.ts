export { identityApp, startIdentity } from './identity.ts';
