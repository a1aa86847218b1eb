import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The recipe of what is archived to B2 and to the folder at once. */
export const KEPT_TWICE = 'kept-twice';
/** Of the steps of `KEPT_TWICE`, the one that archives to the folder. */
export const FOLDER_STEP = 'nas';
/** What Zoom's meetings of that recipe have in their topic. */
export const KEPT_TWICE_TITLE = 'kept twice';

/** The recipe of further runs, which ends in a lane of its own. */
export const READ_AGAIN = 'read-again';
/** Of the steps of `READ_AGAIN`, the one that says what was read. */
export const DIGEST_STEP = 'digest';
/** The lane of that step. */
export const SECOND_LANE = 'media';

const RECIPES = `recipes:
  - name: ${KEPT_TWICE}
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: ${FOLDER_STEP}, task: archive, params: { store: folder }, takes: { file: fetch.file } }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, ${FOLDER_STEP}, publish] }
      - { id: cleanup, task: cleanup, after: notify }
  - name: ${READ_AGAIN}
    steps:
      - { id: fetch, task: fetch }
      - { id: ${DIGEST_STEP}, task: digest, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: ${DIGEST_STEP} }
`;

const ZOOM_RULES = `rules:
  - name: Kept twice
    match: { topic: "*${KEPT_TWICE_TITLE}*" }
    set: { recipe: ${KEPT_TWICE} }
`;

/**
 * Writes the recipes of a run, with the rules that choose among them; gives back the settings that name them all. The
 * tasks are those of the copy of the scripts that lies in `folder`.
 */
export async function writeRecipes(folder: string, storeDir: string): Promise<Record<string, string>> {
  const [recipesPath, rulesPath] = [join(folder, 'recipes.yaml'), join(folder, 'zoom-rules.yaml')];
  await mkdir(storeDir);
  await writeFile(recipesPath, RECIPES);
  await writeFile(rulesPath, ZOOM_RULES);
  return {
    RECIPES_FILE: recipesPath,
    ZOOM_RULES_FILE: rulesPath,
    TASKS_DIR: join(folder, 'scripts/chaos/tasks'),
    FOLDER_STORE: storeDir,
  };
}
