/** Recipes of files that are written for tests and for the demo: the way of what goes to two places at once. */

export const TWO_STORES = 'two-stores';

/** A file with that recipe alone, which nothing goes by unless it asks for it. */
export const WITH_TWO_STORES = `recipes:
  - name: ${TWO_STORES}
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: archive-folder, task: archive, params: { store: folder }, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, archive-folder, publish] }
      - { id: cleanup, task: cleanup, after: [notify] }
`;

export const TO_TWO_STORES = `default: ${TWO_STORES}
${WITH_TWO_STORES}`;

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
