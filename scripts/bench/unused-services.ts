/** Settings for processes that call none of the services. */
export const UNUSED_SERVICES = {
  ZOOM_WEBHOOK_SECRET_TOKEN: 'bench',
  B2_KEY_ID: 'bench',
  B2_APPLICATION_KEY: 'bench',
  BUNNY_LIBRARY_ID: '1',
  BUNNY_API_KEY: 'bench',
  SITE_WEBHOOK_URL: 'http://127.0.0.1:9/',
  SITE_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
};
