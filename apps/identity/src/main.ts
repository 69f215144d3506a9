import { runApp } from '@hallmark/runtime';
import { identityApp } from './identity.ts';

await runApp(identityApp);
