import { runApp } from '@hallmark/runtime';
import { instancesApp } from './instances.ts';

await runApp(instancesApp);
