/** How a page is built: `vite build web/<page> --config web/vite.config.js --base <its path>`. */
export default {
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // Data addresses would need a weaker policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
};
