import { runApp } from '@hallmark/runtime';
import { gatewayApp } from './index.ts';

await runApp(gatewayApp);
