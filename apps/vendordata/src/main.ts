import { runApp } from '@hallmark/runtime';
import { vendordataApp } from './vendordata.ts';

await runApp(vendordataApp);
