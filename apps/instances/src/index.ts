export { instancesApp, startInstances } from './instances.ts';
