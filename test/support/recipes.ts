/** Recipes of files that are written for tests: the way of what goes to two places at once, as the first of a list. */

export const TO_TWO_STORES = `default: both
recipes:
  - name: both
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: archive-folder, task: archive, params: { store: folder }, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, archive-folder, publish] }
      - { id: cleanup, task: cleanup, after: [notify] }
`;

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
