/** Recipes of files that are written for tests and for the demo: the way of what goes to two places at once. */

export const TWO_STORES = 'two-stores';

function withSecondStore(store: string): string {
  return `recipes:
  - name: ${TWO_STORES}
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: archive-${store}, task: archive, params: { store: ${store} }, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, archive-${store}, publish] }
      - { id: cleanup, task: cleanup, after: [notify] }
`;
}

/** A file with that recipe alone, which nothing goes by unless it asks for it. */
export const WITH_TWO_STORES = withSecondStore('folder');

export const TO_TWO_STORES = `default: ${TWO_STORES}
${WITH_TWO_STORES}`;

/** All go to B2 and to S3. */
export const TO_S3_TOO = `default: ${TWO_STORES}
${withSecondStore('s3')}`;

export const TO_TWO_PUBLISHERS = `default: both
recipes:
  - name: both
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: show, task: publish, params: { publisher: folder }, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, publish, show] }
      - { id: cleanup, task: cleanup, after: notify }
`;

/** To every store and every publisher that there is. */
export const TO_ALL_PLACES = `default: everywhere
recipes:
  - name: everywhere
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: archive-folder, task: archive, params: { store: folder }, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: show, task: publish, params: { publisher: folder }, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, archive-folder, publish, show] }
      - { id: cleanup, task: cleanup, after: [notify] }
`;
