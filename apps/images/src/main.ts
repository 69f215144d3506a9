import { runApp } from '@hallmark/runtime';
import { imagesApp } from './images.ts';

await runApp(imagesApp);
