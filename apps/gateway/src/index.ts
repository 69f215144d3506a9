export { gatewayApp, startGateway } from './gateway.ts';
