import { TEST_IMAGES, ensureImage } from '@hallmark/testing';

// Makes every image that the container suites need, so that no test's own time limit pays for it.
for (const image of TEST_IMAGES) {
  const startedAt = performance.now();
  const name = await ensureImage(image);
  console.log(`${name}  ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
