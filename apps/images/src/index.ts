export { imagesApp, startImages } from './images.ts';
