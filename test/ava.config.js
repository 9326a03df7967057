/** The tests that need real servers, Envoy or network namespaces: `ava --config test/ava.config.js`, as root. */
export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts'],
  timeout: '120s',
  workerThreads: false,
  concurrency: 2,
};
