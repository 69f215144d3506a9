import preset from '../../jest.preset.mjs';

/** Most of its time these suites wait for processes and containers to start and to fail. */
export default { ...preset, maxWorkers: 2 };
